"""Of how many packages it is known whether they are the lock's own files.

Rules
1. Counted is what must be there by the lock, is there, and of which the lock has a digest. Of conda's
   packages it is the build that tells, and is judged.
2. What is certainly another file is a finding of its own: it is counted here as such.
"""

from __future__ import annotations

from collections import Counter

from envguard.domain.environment import Snapshot
from envguard.domain.facts import MachineFacts
from envguard.domain.findings.builds import Hashes, evidence
from envguard.domain.findings.installed import installed_in
from envguard.domain.locks.lock import Lock, LockedPackage
from envguard.domain.locks.selection import Selected, marker_values, select
from envguard.domain.policy import Rules


def count_hashes(snapshot: Snapshot, facts: MachineFacts, rules: Rules, lock: Lock | None) -> Hashes | None:
    """Answer the count; None without a lock, and where it says nothing of this environment."""
    if lock is None:
        return None
    selected = select(lock, marker_values(snapshot.interpreter, facts), rules.choice)
    if not isinstance(selected, Selected):
        return None
    installed = installed_in(snapshot).python
    counts = Counter(
        evidence(package, locked)
        for locked in selected.packages.values()
        if _has_digest(locked)
        for package in installed.get(locked.name, ())[:1]
    )
    return Hashes(counts["same"], counts["other"], counts["not-known"])


def _has_digest(locked: LockedPackage) -> bool:
    return locked.ecosystem == "python" and any(artifact.digests for artifact in locked.artifacts)
