"""Which snapshots have which packages: what "who has numpy 2" is answered from.

Rules
1. Written with the snapshot, in its transaction; never changed, since a snapshot is not.
2. Names and versions over 200 characters, or with characters that cannot be printed, are not looked for by
   anybody, and are left out.
3. Numbers stand for digests and versions: a snapshot of 350 packages takes 5 kB here, by its digest 40.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
import sqlalchemy as sa

from envguard.domain.environment import Digest, EnvironmentRecord, Snapshot
from envguard.domain.package_asked import PackageAsked
from envguard.server.store.schema import (
    environments,
    machines,
    package_versions,
    snapshot_numbers,
    snapshot_packages,
)

LONGEST = 200
_FEW = 20_000
"""Environments that are sorted faster than all machines are gone through in their order."""

_PAIRS = {
    "sqlite": """
        SELECT json_extract(value, '$[0]') AS name, json_extract(value, '$[1]') AS version
        FROM json_each(:pairs)""",
    "postgresql": """
        SELECT value->>0 AS name, value->>1 AS version
        FROM jsonb_array_elements(CAST(:pairs AS jsonb))""",
}
_NEW_VERSIONS = """
    INSERT INTO package_versions (name, version) SELECT name, version FROM ({pairs}) AS told
    WHERE NOT EXISTS (
        SELECT 1 FROM package_versions AS known WHERE known.name = told.name AND known.version = told.version
    )
    ORDER BY name, version ON CONFLICT DO NOTHING"""
"""In one order: of two that write at once, one waits for the other. What is there takes no number again."""
_HELD = """
    INSERT INTO snapshot_packages (snapshot, package) SELECT :snapshot, known.number FROM ({pairs}) AS told
    JOIN package_versions AS known ON known.name = told.name AND known.version = told.version"""


class HeldIn(msgspec.Struct, frozen=True, kw_only=True):
    """An environment that has a package that is asked for."""

    machine: str
    """Its name."""
    labels: Mapping[str, str]
    seen_at_s: float
    path_digest: Digest
    record: EnvironmentRecord
    versions: tuple[str, ...]


class WhoHas(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for: these versions, by their numbers, on every machine or on one of them."""

    versions: Mapping[int, str]
    owner: str | None = None
    """A machine's id."""
    machine: str | None = None
    """A machine's name."""


def index_packages(connection: sa.Connection, digest: Digest, snapshot: Snapshot) -> None:
    """Write down what a snapshot has; it is new, and in this transaction."""
    inserted = snapshot_numbers.insert().values(digest=digest).returning(snapshot_numbers.c.number)
    number = connection.execute(inserted).scalar_one()
    kept = {(each.name, each.version) for each in snapshot.packages}
    pairs = sorted(pair for pair in kept if all(len(text) <= LONGEST and text.isprintable() for text in pair))
    if not pairs:
        return
    told = {"pairs": msgspec.json.encode(pairs).decode()}
    source = _PAIRS[connection.dialect.name]
    connection.execute(sa.text(_NEW_VERSIONS.format(pairs=source)), told)
    connection.execute(sa.text(_HELD.format(pairs=source)), {**told, "snapshot": number})


def versions_asked(connection: sa.Connection, asked: PackageAsked) -> dict[int, str]:
    """Answer the versions that anybody has of what is asked for, by their numbers."""
    query = sa.select(package_versions).where(package_versions.c.name == asked.name)
    return {
        row.number: row.version
        for row in connection.execute(query)
        if asked.is_among([(row.name, row.version)])
    }


def environments_with(
    connection: sa.Connection,
    asked: WhoHas,
    *,
    after: tuple[str, str],
    at_most: int | None = None,
    is_sorted: bool,
) -> Iterator[HeldIn]:
    """Yield who has it, by the names of machines, from the first environment after this one.

    ``after`` is a machine's name with the digest of a path; ``is_sorted``: those that have it are looked up
    and sorted, else all are gone through in their order.
    """
    # SQLite cannot know what is shorter; what is computed, no index is looked into for.
    snapshot = environments.c.snapshot if is_sorted else environments.c.snapshot.concat("")
    name, path_digest = machines.c.name, environments.c.path_digest
    query = (
        sa.select(name, machines.c.labels, machines.c.seen_at, path_digest, environments.c.record)
        .join_from(machines, environments, environments.c.machine == machines.c.id)
        .where(
            snapshot.in_(_snapshots_with(asked)),
            *_of(asked),
            name >= after[0],
            (name > after[0]) | (path_digest > after[1]),
        )
        .order_by(name, path_digest)
        .limit(at_most)
    )
    versions = _versions_by_snapshot(connection, asked)
    with connection.execute(query, execution_options={"yield_per": 1000}) as rows:
        yield from (_held(row, versions) for row in rows.mappings())


def digests_with(connection: sa.Connection, versions: Mapping[int, str]) -> frozenset[Digest]:
    """Answer the snapshots that have any of these versions."""
    query = _snapshots_with(WhoHas(versions=versions))
    return frozenset(Digest(row.digest) for row in connection.execute(query))


def plan_afresh(connection: sa.Connection) -> None:
    """Let the rest of a transaction be planned by what is asked for.

    PostgreSQL plans a question that comes often once for all, here ten times worse: it is one thing to look
    for a version that everybody has, and another to look for one that nobody has.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")


def is_widespread(connection: sa.Connection, asked: WhoHas) -> bool:
    """Whether so many have it that one goes through all machines sooner than one sorts those that have it."""
    some = _found(asked, sa.literal(1)).limit(_FEW + 1).subquery()
    return (connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0) > _FEW


def count_with(connection: sa.Connection, asked: WhoHas) -> int:
    """Answer in how many environments it is."""
    return connection.scalar(_found(asked, sa.func.count())) or 0


def _found(asked: WhoHas, what: sa.ColumnElement[int]) -> sa.Select[int]:
    """What is asked of the environments that have it."""
    query = sa.select(what).select_from(environments)
    if asked.owner is not None or asked.machine is not None:
        query = query.join(machines, environments.c.machine == machines.c.id)
    return query.where(environments.c.snapshot.in_(_snapshots_with(asked)), *_of(asked))


def _of(asked: WhoHas) -> Iterable[sa.ColumnElement[bool]]:
    if asked.owner is not None:
        yield machines.c.id == asked.owner
    if asked.machine is not None:
        yield machines.c.name == asked.machine


def _snapshots_with(asked: WhoHas) -> sa.Select[tuple[str]]:
    return (
        sa.select(snapshot_numbers.c.digest)
        .join(snapshot_packages, snapshot_packages.c.snapshot == snapshot_numbers.c.number)
        .where(snapshot_packages.c.package.in_(asked.versions))
    )


def _versions_by_snapshot(connection: sa.Connection, asked: WhoHas) -> dict[str, tuple[str, ...]]:
    query = (
        sa.select(snapshot_numbers.c.digest, snapshot_packages.c.package)
        .join(snapshot_packages, snapshot_packages.c.snapshot == snapshot_numbers.c.number)
        .where(snapshot_packages.c.package.in_(asked.versions))
    )
    found: dict[str, tuple[str, ...]] = {}
    for digest, package in connection.execute(query):
        found[digest] = tuple(sorted({*found.get(digest, ()), asked.versions[package]}))
    return found


def _held(row: sa.RowMapping, versions: Mapping[str, tuple[str, ...]]) -> HeldIn:
    record = msgspec.json.decode(row["record"], type=EnvironmentRecord)
    return HeldIn(
        machine=row["name"],
        labels=msgspec.json.decode(row["labels"], type=dict[str, str]),
        seen_at_s=row["seen_at"],
        path_digest=Digest(row["path_digest"]),
        record=record,
        versions=versions[record.digest],
    )
