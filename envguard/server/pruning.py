"""``server prune``: removes what is superseded, a little at a time, while servers run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
import sqlalchemy as sa

from envguard.domain.drift import reads_facts
from envguard.domain.policy import LockedPolicy
from envguard.errors import StateError
from envguard.report.upkeep import PrunedKind, PruneDocument
from envguard.server.saving.archive import Report
from envguard.server.service import known_policies
from envguard.server.state import open_existing
from envguard.server.store.database import Database
from envguard.server.store.preparing import leave
from envguard.server.store.pruning import (
    Live,
    Size,
    Superseded,
    forget_index,
    last_package,
    remove_some,
    size_of,
    superseded,
)
from envguard.server.store.revision import is_whole

_PACKAGES_AT_ONCE = 500


def plan_pruning(state: Path, url: str | None, *, older_s: float, now: datetime) -> PruneDocument:
    """Answer what would go, without changing anything; raises StateError."""
    with _opened(state, url) as database, database.in_words("read"):
        with database.reading() as connection:
            found = tuple(
                _told(kind, size_of(connection, kind)) for kind in _superseded(connection, older_s, now)
            )
        return PruneDocument(database=database.told, kinds=found, is_dry_run=True)


def prune(state: Path, url: str | None, *, older_s: float, now: datetime, report: Report) -> PruneDocument:
    """Remove it; what was removed before a kill stays removed. Raises StateError."""
    with _opened(state, url) as database, database.in_words("pruned"):
        with database.reading() as connection:
            kinds = _superseded(connection, older_s, now)
        gone = tuple(_told(kind, _removed(database, kind, report)) for kind in kinds)
        _forget_index(database)
        return PruneDocument(database=database.told, kinds=gone, is_dry_run=False)


def _superseded(connection: sa.Connection, older_s: float, now: datetime) -> tuple[Superseded, ...]:
    known = known_policies(connection, now.timestamp()).values()
    judging = [each for each in known if isinstance(each, LockedPolicy)]
    live = Live(
        policies={each.policy.digest for each in judging},
        without_facts={pair for each in judging for pair in _without_facts(each)},
    )
    return superseded(connection, live, receipts_before_s=now.timestamp() - older_s)


def _without_facts(policy: LockedPolicy) -> Iterator[tuple[str, str]]:
    for lock in (policy.lock, *(each.lock for each in policy.earlier)):
        if not reads_facts(policy.policy.rules, lock):
            yield policy.policy.digest, "" if lock is None else lock.digest


def _removed(database: Database, kind: Superseded, report: Report) -> Size:
    with database.reading() as connection:
        total = size_of(connection, kind).rows
    gone = Size(0, 0)
    while True:
        with database.writing() as connection:
            some = remove_some(connection, kind)
        if not some.rows:
            return gone
        gone = Size(gone.rows + some.rows, gone.size_bytes + some.size_bytes)
        report(kind.name, gone.rows, max(total, gone.rows))


def _forget_index(database: Database) -> None:
    with database.reading() as connection:
        last = last_package(connection)
    for first in range(1, last + 1, _PACKAGES_AT_ONCE):
        with database.writing() as connection:
            forget_index(connection, first, first + _PACKAGES_AT_ONCE - 1)


@contextlib.contextmanager
def _opened(state: Path, url: str | None) -> Iterator[Database]:
    with contextlib.closing(open_existing(state, url, leave)) as database:
        with database.in_words("read"), database.reading() as connection:
            is_ours = is_whole(connection)
        if not is_ours:
            hint = "envguard server check says more"
            raise StateError("its tables are another version's", where=database.place, hint=hint)
        yield database


def _told(kind: Superseded, size: Size) -> PrunedKind:
    return PrunedKind(kind=kind.name, why=kind.why, **msgspec.structs.asdict(size))
