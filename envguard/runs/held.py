"""The policies that this machine got from its server: its agent's, and those that were pulled.

Of one name the one that was received later counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.policy import KnownPolicy, LockedPolicy, UnusablePolicy
from envguard.formats import earlier_locks, parse_known
from envguard.log import get_log
from envguard.state import KeptPolicy

if TYPE_CHECKING:
    from envguard.wire import PolicyRevision

_log = get_log(__name__)


def parse_kept(kept: Mapping[str, KeptPolicy]) -> dict[str, KnownPolicy]:
    """Answer the kept policies by name; one that this version cannot read says why, and that is logged."""
    return {name: _parse(each) for name, each in kept.items()}


def kept_of(revision: PolicyRevision, now: datetime) -> KeptPolicy:
    """Answer what is kept of a revision that the server sent."""
    return KeptPolicy(
        name=revision.name,
        revision=revision.revision,
        lock_revision=revision.lock_revision,
        source=revision.source,
        received_at=now,
        waivers=revision.waivers,
        earlier=revision.earlier,
    )


def parse_pulled(pulled: Mapping[str, KeptPolicy]) -> dict[str, KnownPolicy]:
    """Answer the pulled policies by name, as :func:`parse_kept` does; they know when they were pulled."""
    return {
        name: msgspec.structs.replace(known, pulled_at=pulled[name].received_at)
        if isinstance(known, LockedPolicy)
        else known
        for name, known in parse_kept(pulled).items()
    }


def later_received(pulled: Mapping[str, KeptPolicy], kept: Mapping[str, KeptPolicy]) -> dict[str, KeptPolicy]:
    """Answer those of the pulled policies that the agent does not keep, or got earlier."""
    return {
        name: each
        for name, each in pulled.items()
        if name not in kept or kept[name].received_at < each.received_at
    }


def _parse(kept: KeptPolicy) -> KnownPolicy:
    known = parse_known(kept.name, kept.source, revision=kept.revision, lock_revision=kept.lock_revision)
    if isinstance(known, UnusablePolicy):
        _log.error("policy_unusable", policy=kept.name, revision=kept.revision, reason=known.reason)
        return known
    return msgspec.structs.replace(
        known, granted=kept.waivers, earlier=earlier_locks(kept.name, kept.earlier)
    )
