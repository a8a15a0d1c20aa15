"""The policies that this machine got from its server, ready to judge."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from envguard.domain.policy import KnownPolicy, UnusablePolicy
from envguard.formats import parse_known
from envguard.log import get_log
from envguard.state import KeptPolicy

_log = get_log(__name__)


def parse_kept(kept: Mapping[str, KeptPolicy]) -> dict[str, KnownPolicy]:
    """Answer the kept policies by name; one that this version cannot read says why, and that is logged."""
    return {name: _parse(each) for name, each in kept.items()}


def _parse(kept: KeptPolicy) -> KnownPolicy:
    known = parse_known(kept.name, kept.source, revision=kept.revision, lock_revision=kept.lock_revision)
    if isinstance(known, UnusablePolicy):
        _log.error("policy_unusable", policy=kept.name, revision=kept.revision, reason=known.reason)
        return known
    return msgspec.structs.replace(known, granted=kept.waivers)
