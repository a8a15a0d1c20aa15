"""Content-addressed documents: snapshots, facts, and what comparing them found."""

from __future__ import annotations

import zlib
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from envguard.domain.environment import Digest, Snapshot
from envguard.domain.facts import MachineFacts
from envguard.domain.findings.finding import Finding
from envguard.domain.verdict import Basis
from envguard.server.store.database import insert_once
from envguard.server.store.packages import index_packages
from envguard.server.store.schema import comparisons, facts, snapshots

T = TypeVar("T")


class _Package(msgspec.Struct, frozen=True):
    name: str
    version: str


class _Packages(msgspec.Struct, frozen=True):
    """As much of a snapshot as is looked for: all of it takes three times as long to read."""

    packages: tuple[_Package, ...] = ()


def has_snapshot(connection: sa.Connection, digest: Digest) -> bool:
    """Whether the snapshot has been sent."""
    return connection.scalar(sa.select(snapshots.c.digest).where(snapshots.c.digest == digest)) is not None


def add_snapshot(connection: sa.Connection, digest: Digest, snapshot: Snapshot) -> bool:
    """Keep a snapshot; answer whether it is new."""
    if has_snapshot(connection, digest):
        return False
    document = zlib.compress(msgspec.json.encode(snapshot))
    is_new = insert_once(connection, snapshots, {"digest": digest, "document": document})
    if is_new:
        index_packages(connection, digest, snapshot)
    return is_new


def snapshot_with(connection: sa.Connection, digest: Digest) -> Snapshot | None:
    """Answer the snapshot, or None where no machine has sent it yet."""
    return _read(connection, digest, Snapshot)


def versions_in(connection: sa.Connection, digest: Digest) -> tuple[tuple[str, str], ...] | None:
    """Answer the names and versions of a snapshot's packages, or None where nobody has sent it yet."""
    content = _read(connection, digest, _Packages)
    return None if content is None else tuple((each.name, each.version) for each in content.packages)


def facts_with(connection: sa.Connection, digest: Digest) -> MachineFacts:
    """Answer the facts of a machine that the server has records of."""
    document = connection.execute(sa.select(facts.c.document).where(facts.c.digest == digest)).scalar_one()
    return msgspec.json.decode(document, type=MachineFacts)


def findings_of(connection: sa.Connection, basis: Basis) -> tuple[Finding, ...] | None:
    """Answer what comparing these found before; None where they were not compared yet.

    What another version kept, and this one cannot read, counts as not compared.
    """
    findings = connection.scalar(sa.select(comparisons.c.findings).where(_same(basis)))
    try:
        return None if findings is None else msgspec.json.decode(findings, type=tuple[Finding, ...])
    except msgspec.MsgspecError:
        return None


def record_findings(connection: sa.Connection, basis: Basis, findings: tuple[Finding, ...]) -> None:
    """Keep what comparing these found, in the place of what cannot be read."""
    if findings_of(connection, basis) is None:
        keys = {**msgspec.structs.asdict(basis), "lock": basis.lock or ""}
        values = {"findings": msgspec.json.encode(findings)}
        if not insert_once(connection, comparisons, {**keys, **values}):
            connection.execute(comparisons.update().where(_same(basis)).values(values))


def _read(connection: sa.Connection, digest: Digest, type_: type[T]) -> T | None:
    document = connection.scalar(sa.select(snapshots.c.document).where(snapshots.c.digest == digest))
    return None if document is None else msgspec.json.decode(zlib.decompress(document), type=type_)


def _same(basis: Basis) -> sa.ColumnElement[bool]:
    return sa.and_(
        comparisons.c.snapshot == basis.snapshot,
        comparisons.c.facts == basis.facts,
        comparisons.c.policy == basis.policy,
        comparisons.c.lock == (basis.lock or ""),
        comparisons.c.engine == basis.engine,
    )
