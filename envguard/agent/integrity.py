"""The slow schedule: which environment's installed files are compared with their RECORDs, and when.

Rules
1. Each environment once a day, at a moment of the day that its path decides, so that not all come at once;
   one that was never looked at, or whose moment passed while the machine slept, in the next round.
2. At most one environment a round, and within a time: what was not hashed by then has only its sizes looked
   at, and comes first the next day. What was modified before stays so until it is looked at again.
3. A result belongs to what was installed then: once the environment's digest is another it is dropped, and
   the environment is looked at again an hour after the last try.
4. A try is kept before it begins. One that hangs, and takes the scan with it, is not repeated before the next
   day.
5. What lies on a network file system is not hashed: every machine that mounts it would.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from envguard.domain.binding import BoundScan
from envguard.domain.environment import Environment, Integrity
from envguard.errors import InventoryError, StateError
from envguard.inventory.integrity import check_hashes, check_sizes
from envguard.log import get_log
from envguard.state import KeptCheck, State

HASHING_S = 15.0
"""How long one environment's files are hashed."""

SIZES_S = 5.0
"""How long the sizes of what was not hashed are looked at."""

SECOND_LOOK_S = 2.0
"""How long after each of these it is looked up whether another package recorded what differs."""

DAY = timedelta(days=1)
SETTLED_AFTER = timedelta(hours=1)
"""After a change of what is installed, since the last try."""

Check = Callable[[Environment, Integrity | None, datetime], Integrity]
"""Looks at one environment; what was found of the same content before, and the time, are given."""

_log = get_log(__name__)


def with_integrity(bound: BoundScan, state: State, *, now: datetime, check: Check | None = None) -> BoundScan:
    """Answer the scan with what is known of changed files; looks at one environment if one is due."""
    kept = checks = _kept(state)
    try:
        environment = next_due(bound.scan.environments, checks, now)
        if environment is not None:
            checks = _tried(checks, environment, now)
            state.keep_checks(checks)  # before it begins: rule 4
            checks = _found(checks, environment, check or check_environment, now)
        present = {each.record.path for each in bound.scan.environments}
        if not bound.scan.is_incomplete:
            checks = {path: each for path, each in checks.items() if path in present}
        if checks != kept:
            state.keep_checks(checks)
    except StateError as error:
        _log.warning("integrity_not_kept", reason=str(error))
    environments = tuple(_told(each, checks) for each in bound.scan.environments)
    return msgspec.structs.replace(bound, scan=msgspec.structs.replace(bound.scan, environments=environments))


def next_due(
    environments: tuple[Environment, ...], checks: Mapping[str, KeptCheck], now: datetime
) -> Environment | None:
    """Answer the environment to look at now: of those that are due the one that waited longest."""
    due = [each for each in environments if is_due(each, checks.get(each.record.path), now)]
    never = datetime.min.replace(tzinfo=now.tzinfo)

    def waits_since(environment: Environment) -> datetime:
        kept = checks.get(environment.record.path)
        return never if kept is None else kept.tried_at

    return min(due, key=waits_since, default=None)


def is_due(environment: Environment, kept: KeptCheck | None, now: datetime) -> bool:
    """Whether an environment is to be looked at; a try that lies in the future was told by a wrong clock."""
    record = environment.record
    if record.shared_as is not None:
        return False
    if kept is None or kept.tried_at > now:
        return True
    if kept.digest != record.digest and now - kept.tried_at >= SETTLED_AFTER:
        return True
    return kept.tried_at < latest_moment(record.path, now)


def latest_moment(path: str, now: datetime) -> datetime:
    """Answer when an environment's moment of the day was last."""
    day_s = DAY.total_seconds()
    phase_s = int.from_bytes(hashlib.sha256(path.encode()).digest()[:4], "big") / 2**32 * day_s
    return now - timedelta(seconds=(now.timestamp() - phase_s) % day_s)


def check_environment(environment: Environment, before: Integrity | None, now: datetime) -> Integrity:
    """Answer what changed, as far as the time allows; InventoryError where the environment is gone."""
    first = before.unchecked if before is not None else ()
    found = check_hashes(
        environment,
        now=now,
        is_over=_after(HASHING_S),
        is_late=_after(HASHING_S + SECOND_LOOK_S),
        first=first,
    )
    if not found.unchecked:
        return found
    by_size = check_sizes(
        environment, now=now, is_over=_after(SIZES_S), is_late=_after(SIZES_S + SECOND_LOOK_S)
    )
    return merged(found, by_size, before)


def merged(found: Integrity, by_size: Integrity, before: Integrity | None) -> Integrity:
    """Answer one result: of what is unchecked now, sizes and what was modified before still count."""
    files = {**found.files}
    for other in (by_size, before):
        if other is not None:
            files |= {
                name: other.files.get(name, ())
                for name in other.modified
                if name in found.unchecked and name not in files
            }
    return msgspec.structs.replace(found, modified=tuple(sorted(files)), files=dict(sorted(files.items())))


def _kept(state: State) -> dict[str, KeptCheck]:
    try:
        return state.checks()
    except StateError as error:
        _log.warning("kept_checks_broken", reason=str(error))
        return {}


def _tried(checks: Mapping[str, KeptCheck], environment: Environment, now: datetime) -> dict[str, KeptCheck]:
    record = environment.record
    kept = checks.get(record.path)
    found = kept.found_of(record) if kept is not None else None
    return {**checks, record.path: KeptCheck(digest=record.digest, tried_at=now, found=found)}


def _found(
    checks: Mapping[str, KeptCheck], environment: Environment, check: Check, now: datetime
) -> dict[str, KeptCheck]:
    tried = checks[environment.record.path]
    try:
        found = check(environment, tried.found, now)
    except InventoryError as error:
        _log.warning("integrity_not_checked", environment=environment.record.path, reason=str(error))
        return dict(checks)
    _log.info(
        "integrity_checked",
        environment=environment.record.path,
        modified=len(found.modified),
        unchecked=len(found.unchecked),
    )
    return {**checks, environment.record.path: msgspec.structs.replace(tried, found=found)}


def _told(environment: Environment, checks: Mapping[str, KeptCheck]) -> Environment:
    kept = checks.get(environment.record.path)
    if kept is None:
        return environment
    return msgspec.structs.replace(environment, record=kept.told_of(environment.record))


def _after(seconds: float) -> Callable[[], bool]:
    ends_at = time.monotonic() + seconds
    return lambda: time.monotonic() > ends_at
