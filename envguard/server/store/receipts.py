"""The runs that the server was told of: each a row, from its start to its end.

Rules
1. One run is one row, by its key; what has an end is never replaced by what has none.
2. When it began is the machine's own word, but never later than when the server first heard of it.
3. Rows that are too old go, and the oldest of too many; that is looked at now and then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from envguard.domain.environment import Digest
from envguard.domain.package_asked import PackageAsked
from envguard.server.store.contents import versions_in
from envguard.server.store.database import insert_once
from envguard.server.store.schema import machines, receipts
from envguard.wire import RunEntry, RunMessage, RunsOfDay, StartedAnyway, ToldRun


class Keeping(msgspec.Struct, frozen=True):
    """How much is kept."""

    runs: int = 200_000
    age_s: float = 400 * 24 * 3600.0
    """Since the server first heard of it."""
    looked_after: int = 100
    """After so many new rows it is looked whether old ones are to go."""


class Place(msgspec.Struct, frozen=True):
    """Where a listing goes on: after this row, in its order."""

    started_at: float
    number: int


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs are asked for; what is None does not matter."""

    owner: str | None = None
    """The id of the machine that told of them."""
    person: str | None = None
    machine: str | None = None
    """By the name that it has; where a person told of it, by what was told."""
    policy: str | None = None
    since_s: float | None = None
    failed: bool | None = None
    before: Place | None = None


def keep_run(
    connection: sa.Connection,
    told: RunMessage,
    *,
    machine: str | None,
    now_s: float,
    keeping: Keeping = Keeping(),  # noqa: B008 - frozen
) -> None:
    """Keep a run, or what is new of one that is known; ``machine`` is the id of the one that it was on."""
    values = _values(told.run)
    began_at_s = min(told.run.start.timestamp(), now_s)
    row = {
        "key": told.key,
        "machine": machine,
        "machine_name": told.machine,
        "person": told.person,
        "started_at": began_at_s,
        "received_at": now_s,
    }
    if insert_once(connection, receipts, {**row, **values}):
        _forget_old(connection, told.key, now_s, keeping)
        return
    where = receipts.c.key == told.key
    if told.run.end is None:
        where &= receipts.c.is_ended.is_(False)
    connection.execute(receipts.update().where(where).values(values))


def runs_of(
    connection: sa.Connection,
    wanted: Wanted,
    *,
    limit: int,
    package: PackageAsked | None = None,
) -> tuple[tuple[RunEntry, ...], Place | None]:
    """Answer the newest runs that are wanted, and where to go on; None at the end.

    ``package``: those in whose environment it was, which is looked at once for each that differs.
    """
    found: list[Place] = []
    goes_on: Place | None = None
    decided: dict[Digest, bool] = {}
    columns = sa.select(receipts.c.started_at, receipts.c.number, receipts.c.snapshot)
    newest = columns.order_by(receipts.c.started_at.desc(), receipts.c.number.desc())
    query = newest.where(*_conditions(wanted))
    has_content = receipts.c.snapshot.is_not(None)
    query = query.limit(limit + 1) if package is None else query.where(has_content)
    with connection.execute(query, execution_options={"yield_per": 1000}) as rows:
        for row in rows:
            if package is not None and not _has(connection, row.snapshot, package, decided):
                continue
            if len(found) == limit:
                goes_on = found[-1]
                break
            found.append(Place(row.started_at, row.number))
    return _entries(connection, [each.number for each in found]), goes_on


def runs_since(connection: sa.Connection, since: datetime, *, policy: str | None = None) -> RunsOfDay:
    """Answer who was refused, and who started anyway; of one policy where it is named."""
    where = [receipts.c.started_at >= since.timestamp()]
    if policy is not None:
        where.append(receipts.c.policy == policy)
    count = sa.func.count().label("count")
    refused = sa.select(receipts.c.person, count).where(*where, receipts.c.kind == "refused")
    anyway = sa.select(receipts.c.person, receipts.c.anyway, count).where(
        *where, receipts.c.anyway.is_not(None)
    )
    people = {
        each["person"]: each["count"] for each in _rows(connection, refused.group_by(receipts.c.person))
    }
    started = tuple(
        StartedAnyway(person=each["person"], reason=each["anyway"], count=each["count"])
        for each in _rows(connection, anyway.group_by(receipts.c.person, receipts.c.anyway))
    )
    return RunsOfDay(
        since=since,
        refused=dict(sorted(people.items(), key=lambda each: (-each[1], each[0]))),
        anyway=tuple(sorted(started, key=lambda each: (-each.count, each.person, each.reason))),
    )


def _rows(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[sa.RowMapping]:
    yield from connection.execute(query).mappings()


def _values(run: ToldRun) -> dict[str, object]:
    return {
        "kind": run.kind,
        "policy": run.policy.name if run.policy is not None else None,
        "snapshot": run.ran_in,
        "is_ended": run.end is not None,
        "exit_code": run.exit_code,
        # PostgreSQL's texts hold no NUL
        "anyway": run.allow_drift.replace("\0", "\ufffd") if run.is_anyway and run.allow_drift else None,
        "document": msgspec.json.encode(run),
    }


def _conditions(wanted: Wanted) -> Iterator[sa.ColumnElement[bool]]:
    if wanted.owner is not None:
        yield receipts.c.machine == wanted.owner
    if wanted.person is not None:
        yield receipts.c.person == wanted.person
    if wanted.machine is not None:
        same = sa.select(machines.c.id).where(machines.c.name == wanted.machine)
        is_told = receipts.c.machine.is_(None) & (receipts.c.machine_name == wanted.machine)
        yield receipts.c.machine.in_(same) | is_told
    if wanted.policy is not None:
        yield receipts.c.policy == wanted.policy
    if wanted.since_s is not None:
        yield receipts.c.started_at >= wanted.since_s
    if wanted.failed is not None:
        is_failed = receipts.c.exit_code.is_not(None) & (receipts.c.exit_code != 0)
        yield is_failed if wanted.failed else sa.not_(is_failed)
    if wanted.before is not None:
        last = wanted.before
        is_same = receipts.c.started_at == last.started_at
        yield (receipts.c.started_at < last.started_at) | (is_same & (receipts.c.number < last.number))


def _has(
    connection: sa.Connection,
    digest: Digest,
    package: PackageAsked,
    decided: dict[Digest, bool],
) -> bool:
    if digest not in decided:
        versions = versions_in(connection, digest)
        decided[digest] = versions is not None and package.is_among(versions)
    return decided[digest]


def _entries(connection: sa.Connection, numbers: Sequence[int]) -> tuple[RunEntry, ...]:
    query = sa.select(receipts, machines.c.name.label("now_named")).select_from(
        receipts.outerjoin(machines, receipts.c.machine == machines.c.id)
    )
    rows = {row.number: row for row in connection.execute(query.where(receipts.c.number.in_(numbers)))}
    return tuple(_entry(rows[number]) for number in numbers)


def _entry(row: sa.Row[tuple[object, ...]]) -> RunEntry:
    told_by: Literal["machine", "person"] = "person" if row.machine is None else "machine"
    return RunEntry(
        number=row.number,
        person=row.person,
        machine=row.now_named or row.machine_name,
        told_by=told_by,
        received_at=datetime.fromtimestamp(row.received_at, timezone.utc),
        run=msgspec.json.decode(row.document, type=ToldRun),
    )


def _forget_old(connection: sa.Connection, key: str, now_s: float, keeping: Keeping) -> None:
    number = connection.scalar(sa.select(receipts.c.number).where(receipts.c.key == key))
    if number is None or number % keeping.looked_after:
        return
    connection.execute(receipts.delete().where(receipts.c.received_at < now_s - keeping.age_s))
    first = sa.select(receipts.c.number).order_by(receipts.c.number.desc()).offset(keeping.runs).limit(1)
    beyond = connection.scalar(first)
    if beyond is not None:
        connection.execute(receipts.delete().where(receipts.c.number <= beyond))
