"""Brings a database up, one transaction at a time; what is cut off goes on from its last one.

All that the next transaction needs to know is in the database: its revision, and how far the batches of that
revision are. A revision is marked with its first transaction, so that servers from before it refuse at once.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import msgspec
import sqlalchemy as sa

from envguard.server.store.migrations.chain import Chain, Revision, operations
from envguard.server.store.revision import refuse_unknown, revision_of
from envguard.server.store.schema import migration_positions

Alone = Callable[[], AbstractContextManager[sa.Connection]]
"""Gives a transaction beside which no other of this kind runs."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far a migration is: what was committed last."""

    revision: str
    what: str
    rows_done: int
    rows_total: int
    is_whole: bool
    """Nothing of this revision remains."""


class Unfinished(msgspec.Struct, frozen=True):
    """A revision whose batches are not all done."""

    revision: str
    position: str
    rows_done: int
    rows_total: int


Report = Callable[[Position], None]
Permit = Callable[[Revision, int], None]
"""May raise before a transaction of a revision that has this many rows still to write anew."""


def bring_up(alone: Alone, chain: Chain, *, place: str, permit: Permit, report: Report) -> None:
    """Do all that the database lacks; raises StateError where it is newer, and what ``permit`` raises."""
    while True:
        with alone() as connection:
            done = _next(connection, chain, place, permit)
        if done is None:
            return
        report(done)


def unfinished(connection: sa.Connection) -> Unfinished | None:
    """Answer what was cut off, or is under way."""
    if not sa.inspect(connection).has_table(migration_positions.name):
        return None
    row = connection.execute(sa.select(migration_positions)).first()
    return None if row is None else Unfinished(row.revision, row.position, row.rows_done, row.rows_total)


def _next(connection: sa.Connection, chain: Chain, place: str, permit: Permit) -> Position | None:
    current = revision_of(connection)
    refuse_unknown(current, chain.revisions[-1].number, place)
    left = unfinished(connection)
    if left is not None:
        revision = chain.revision(left.revision)
        permit(revision, left.rows_total - left.rows_done)
        return _fill(connection, revision, left)
    pending = chain.after(current)
    return _begin(connection, chain, pending[0], permit) if pending else None


def _begin(connection: sa.Connection, chain: Chain, revision: Revision, permit: Permit) -> Position:
    rows_total = revision.rows(connection) if revision.rows is not None else 0
    permit(revision, rows_total)
    revision.upgrade(operations(connection))
    chain.stamp(connection, revision.number)
    if revision.fill is not None:
        row = {"revision": revision.number, "position": "", "rows_done": 0, "rows_total": rows_total}
        connection.execute(migration_positions.insert().values(row))
    return Position(
        revision=revision.number,
        what=revision.what,
        rows_done=0,
        rows_total=rows_total,
        is_whole=revision.fill is None,
    )


def _fill(connection: sa.Connection, revision: Revision, row: Unfinished) -> Position:
    assert revision.fill is not None  # noqa: S101 - only such a revision has a position
    filled = revision.fill(connection, row.position)
    rows_done = row.rows_done + filled.rows
    this = migration_positions.c.revision == revision.number
    if filled.position is None:
        if revision.finish is not None:
            revision.finish(operations(connection))
        connection.execute(migration_positions.delete().where(this))
    else:
        values = {"position": filled.position, "rows_done": rows_done}
        connection.execute(migration_positions.update().where(this).values(values))
    return Position(
        revision=revision.number,
        what=revision.what,
        rows_done=rows_done,
        rows_total=max(rows_done, row.rows_total),
        is_whole=filled.position is None,
    )
