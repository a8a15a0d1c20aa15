"""Which lock judges an environment while a newer one waits.

Rules
1. Where a policy says how it is upgraded, an environment has time: until ``grace`` ends, which counts from
   when the newer lock came, the lock before may judge it, and ``pending`` says so.
2. An environment that is as the newest lock wants is judged by that: it was upgraded, or had no need.
3. Else that lock judges from which the environment differs least, by the findings that count; of several the
   newest. So a wrong package stays wrong while the upgrade waits, and what waits is no alarm.
4. What could not be decided by the newest lock is not decided by another.
The rules are those of the policy as it is now: only the lock is an earlier one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec

from envguard.domain.policy import LockedPolicy
from envguard.domain.verdict import Pending, Verdict


class HasVerdict(msgspec.Struct, frozen=True):
    """What a judgement is, whatever else it keeps."""

    verdict: Verdict


Judgement = TypeVar("Judgement", bound=HasVerdict)


def judge_in_grace(
    policy: LockedPolicy, now: datetime, judge_by: Callable[[LockedPolicy], Judgement]
) -> Judgement:
    """Answer the judgement by the lock that counts now; ``judge_by`` judges by the lock that it is given."""
    newest = policy.lock_revision
    least = judge_by(policy)
    if least.verdict.verdict != "drifted" or newest is None:
        return least
    for earlier in policy.earlier:
        if earlier.until <= now:
            continue
        before = msgspec.structs.replace(policy, lock=earlier.lock, lock_revision=earlier.revision)
        judged = judge_by(before)
        if judged.verdict.verdict != "unknown" and _counting(judged) < _counting(least):
            pending = Pending(lock=newest, until=earlier.until)
            verdict = msgspec.structs.replace(judged.verdict, pending=pending)
            least = msgspec.structs.replace(judged, verdict=verdict)
    return least


def _counting(judged: HasVerdict) -> int:
    return sum(finding.counts for finding in judged.verdict.findings)
