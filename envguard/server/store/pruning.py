"""What is superseded: nothing that is asked reads it any more.

Rules
1. Runs go by age, like those that a server forgets by itself.
2. A case goes that no environment is in, and a layout that no machine waits for. Standings stay with their
   machines.
3. A comparison goes where it is of a policy, a lock's rules or an engine that judges nothing now, or of a
   snapshot that no environment has, or where it was kept by facts that are not read. It can be made again at
   any time.
4. A snapshot goes where no environment has it, none matched with it last, and no run was in it.
5. Policies with all their revisions, waivers, machines and their environments stay. So do facts: they are few
   and small, and a machine may have old ones again at any moment.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
import sqlalchemy as sa

from envguard.domain.drift import ENGINE
from envguard.server.store.contents import NO_FACTS
from envguard.server.store.schema import (
    cases,
    comparisons,
    environments,
    layouts,
    receipts,
    snapshot_numbers,
    snapshot_packages,
    snapshots,
    standings,
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
    content: sa.Column[Any]
    where: tuple[sa.ColumnElement[bool], ...]
    named_in: tuple[sa.Table, ...] = ()
    """Tables that may begin to name a row while it goes."""


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What judges now."""

    policies: Collection[str]
    """The digests of policies."""
    without_facts: Collection[tuple[str, str]]
    """Those of policies and locks by which comparing reads no facts of machines."""


def superseded(connection: sa.Connection, live: Live, *, receipts_before_s: float) -> tuple[Superseded, ...]:
    """Answer what may go, in the order in which it goes: what is named after what names it."""
    is_held = sa.select(environments.c.snapshot)
    stays = receipts.c.received_at >= receipts_before_s
    ran_in = sa.select(receipts.c.snapshot).where(receipts.c.snapshot.is_not(None), stays)
    is_in = sa.exists().where(environments.c.case_id == cases.c.id)
    newest = sa.select(sa.func.max(layouts.c.number)).scalar_subquery()
    oldest = sa.select(sa.func.min(standings.c.layout)).scalar_subquery()
    is_without_facts = sa.tuple_(comparisons.c.policy, comparisons.c.lock).in_(sorted(live.without_facts))
    is_dead = (
        comparisons.c.policy.not_in(sorted(live.policies))
        | (comparisons.c.engine != ENGINE)
        | comparisons.c.snapshot.not_in(is_held)
        | (is_without_facts & (comparisons.c.facts != NO_FACTS))
    )
    matched = _matched_snapshots(connection, is_in)
    orphaned = (snapshots.c.digest.not_in(each) for each in (is_held, ran_in, *matched))
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
            name="cases",
            why="of what no environment is any more; judged again when needed",
            table=cases,
            keys=(cases.c.id,),
            content=cases.c.kept,
            where=(~is_in,),
        ),
        Superseded(
            name="layouts",
            why="no machine waits for them",
            table=layouts,
            keys=(layouts.c.number,),
            content=layouts.c.digest,
            where=(layouts.c.number < newest, layouts.c.number <= sa.func.coalesce(oldest, newest)),
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
    chosen = sa.select(*kind.keys, sa.func.length(kind.content)).where(*kind.where).order_by(*kind.keys)
    found = connection.execute(chosen.limit(AT_ONCE).with_for_update()).all()
    if not found:
        return Size(0, 0)
    # Asked again now that they are held: who began to name one just now is seen.
    these = sa.tuple_(*kind.keys).in_([tuple(row[:-1]) for row in found])
    gone = connection.execute(kind.table.delete().where(these, *kind.where))
    return Size(gone.rowcount, sum(row[-1] for row in found))


def last_package(connection: sa.Connection) -> int:
    """Answer the highest number in the index of packages."""
    return int(connection.scalar(sa.select(sa.func.max(snapshot_packages.c.package))) or 0)


def forget_index(connection: sa.Connection, first: int, last: int) -> None:
    """Remove from the index of packages, of these numbers, the snapshots that are gone."""
    there = sa.select(snapshot_numbers.c.number)
    of_gone = snapshot_packages.c.package.between(first, last) & snapshot_packages.c.snapshot.not_in(there)
    connection.execute(snapshot_packages.delete().where(of_gone))


def _matched_snapshots(
    connection: sa.Connection, is_in: sa.ColumnElement[bool]
) -> tuple[sa.Select[str], ...]:
    """The snapshots of which environments last were compliant: their cases know, once judged."""
    of_old, of_case = environments.c.matched, cases.c.matched
    return (
        sa.select(_snapshot_in(connection, of_old)).where(
            of_old.is_not(None), environments.c.case_id.is_(None)
        ),
        sa.select(_snapshot_in(connection, of_case)).where(of_case.is_not(None), is_in),
    )


def _snapshot_in(connection: sa.Connection, basis: sa.Column[bytes]) -> sa.ColumnElement[str]:
    if connection.dialect.name == "sqlite":
        return sa.func.json_extract(sa.cast(basis, sa.Text), "$.snapshot")
    text = sa.func.convert_from(basis, "UTF8")
    found: sa.ColumnElement[str] = sa.cast(text, sa.JSON)["snapshot"].as_string()
    return found
