"""What is superseded: nothing that is asked reads it any more.

Rules
1. Runs go by age, like those that a server forgets by itself.
2. A comparison goes where it is of a policy, a lock's rules or an engine that judges nothing now, or of a
   snapshot that no environment has. It can be made again at any time.
3. A snapshot goes where no environment has it, none matched with it last, and no run was in it.
4. Policies with all their revisions, waivers, machines and their environments stay. So do facts: they are few
   and small, and a machine may have old ones again at any moment.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
import sqlalchemy as sa

from envguard.domain.drift import ENGINE
from envguard.server.store.schema import (
    comparisons,
    environments,
    receipts,
    snapshot_numbers,
    snapshot_packages,
    snapshots,
)

AT_ONCE = 150
"""Rows in one transaction: others write in between."""


class Size(msgspec.Struct, frozen=True):
    """How much it is."""

    rows: int
    size_bytes: int


class Superseded(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of rows that may go."""

    name: str
    why: str
    table: sa.Table
    keys: tuple[sa.Column[Any], ...]
    content: sa.Column[bytes]
    where: tuple[sa.ColumnElement[bool], ...]
    named_in: tuple[sa.Table, ...] = ()
    """Tables that may begin to name a row while it goes."""


def superseded(
    connection: sa.Connection, live_policies: Collection[str], *, receipts_before_s: float
) -> tuple[Superseded, ...]:
    """Answer what may go, in the order in which it goes: what is named after what names it."""
    is_held = sa.select(environments.c.snapshot)
    stays = receipts.c.received_at >= receipts_before_s
    ran_in = sa.select(receipts.c.snapshot).where(receipts.c.snapshot.is_not(None), stays)
    matched = sa.select(_matched_snapshot(connection)).where(environments.c.matched.is_not(None))
    is_dead = (
        comparisons.c.policy.not_in(sorted(live_policies))
        | (comparisons.c.engine != ENGINE)
        | comparisons.c.snapshot.not_in(is_held)
    )
    orphaned = (snapshots.c.digest.not_in(each) for each in (is_held, ran_in, matched))
    return (
        Superseded(
            name="receipts",
            why="told of longer ago than that",
            table=receipts,
            keys=(receipts.c.number,),
            content=receipts.c.document,
            where=(receipts.c.received_at < receipts_before_s,),
        ),
        Superseded(
            name="comparisons",
            why="of what judges nothing any more; made again when needed",
            table=comparisons,
            keys=tuple(comparisons.primary_key.columns),
            content=comparisons.c.findings,
            where=(is_dead,),
        ),
        Superseded(
            name="snapshots",
            why="no environment has them, and no run was in them",
            table=snapshots,
            keys=(snapshots.c.digest,),
            content=snapshots.c.document,
            where=tuple(orphaned),
            named_in=(environments, receipts),
        ),
    )


def size_of(connection: sa.Connection, kind: Superseded) -> Size:
    """Answer how much of it there is."""
    size = sa.func.coalesce(sa.func.sum(sa.func.length(kind.content)), 0)
    query = sa.select(sa.func.count(), size).select_from(kind.table).where(*kind.where)
    rows, size_bytes = connection.execute(query).one()
    return Size(int(rows), int(size_bytes))


def remove_some(connection: sa.Connection, kind: Superseded) -> Size:
    """Remove some of it, and answer how much that was; nothing is left where that is nothing."""
    if kind.named_in and connection.dialect.name == "postgresql":
        # Who names a row does so before he looks for it: we wait for him, or he sees that it is gone.
        names = ", ".join(table.name for table in kind.named_in)
        connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE MODE")
    chosen = sa.select(*kind.keys, sa.func.length(kind.content)).where(*kind.where).limit(AT_ONCE)
    found = connection.execute(chosen).all()
    if found:
        keys = [tuple(row[:-1]) for row in found]
        connection.execute(kind.table.delete().where(sa.tuple_(*kind.keys).in_(keys)))
    return Size(len(found), sum(row[-1] for row in found))


def last_package(connection: sa.Connection) -> int:
    """Answer the highest number in the index of packages."""
    return int(connection.scalar(sa.select(sa.func.max(snapshot_packages.c.package))) or 0)


def forget_index(connection: sa.Connection, first: int, last: int) -> None:
    """Remove from the index of packages, of these numbers, the snapshots that are gone."""
    there = sa.select(snapshot_numbers.c.number)
    of_gone = snapshot_packages.c.package.between(first, last) & snapshot_packages.c.snapshot.not_in(there)
    connection.execute(snapshot_packages.delete().where(of_gone))


def _matched_snapshot(connection: sa.Connection) -> sa.ColumnElement[str]:
    """The snapshot in the basis with which an environment last was compliant."""
    if connection.dialect.name == "sqlite":
        return sa.func.json_extract(sa.cast(environments.c.matched, sa.Text), "$.snapshot")
    text = sa.func.convert_from(environments.c.matched, "UTF8")
    found: sa.ColumnElement[str] = sa.cast(text, sa.JSON)["snapshot"].as_string()
    return found
