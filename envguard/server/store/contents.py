"""Content-addressed documents: snapshots, facts, and what comparing them found."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from envguard.domain.environment import Digest, Snapshot
from envguard.domain.facts import MachineFacts
from envguard.domain.findings.finding import Finding
from envguard.domain.verdict import Basis
from envguard.server.store.database import insert_once
from envguard.server.store.packages import index_packages
from envguard.server.store.schema import comparisons, facts, snapshots

T = TypeVar("T")

NO_FACTS = Digest("")
"""In the place of facts that a comparison did not read: it is one for machines of all kinds."""


# Made once: judging asks for each case, and making the statement takes longer than its answer.
_SAME = tuple(
    comparisons.c[name] == sa.bindparam(f"the_{name}")
    for name in ("snapshot", "facts", "policy", "lock", "engine")
)
_FINDINGS = sa.select(comparisons.c.findings).where(*_SAME)
_KEEP = comparisons.update().where(*_SAME).values(findings=sa.bindparam("findings"))


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
    findings = connection.scalar(_FINDINGS, _named(basis))
    try:
        return None if findings is None else msgspec.json.decode(findings, type=tuple[Finding, ...])
    except msgspec.MsgspecError:
        return None


def record_all_findings(connection: sa.Connection, found: Mapping[Basis, tuple[Finding, ...]]) -> None:
    """Keep what comparisons found that were not kept before; of some that another keeps too, one each."""
    if not found:
        return
    rows = [{**_keys(basis), "findings": msgspec.json.encode(findings)} for basis, findings in found.items()]
    try:
        with connection.begin_nested():
            connection.execute(comparisons.insert(), rows)
    except IntegrityError:
        for basis, findings in found.items():
            record_findings(connection, basis, findings)


def record_findings(connection: sa.Connection, basis: Basis, findings: tuple[Finding, ...]) -> None:
    """Keep what comparing these found, in the place of what cannot be read."""
    if findings_of(connection, basis) is None:
        values = {"findings": msgspec.json.encode(findings)}
        if not insert_once(connection, comparisons, {**_keys(basis), **values}):
            connection.execute(_KEEP, {**_named(basis), **values})


def _read(connection: sa.Connection, digest: Digest, type_: type[T]) -> T | None:
    document = connection.scalar(sa.select(snapshots.c.document).where(snapshots.c.digest == digest))
    return None if document is None else msgspec.json.decode(zlib.decompress(document), type=type_)


def _keys(basis: Basis) -> dict[str, object]:
    return {**msgspec.structs.asdict(basis), "lock": basis.lock or ""}


def _named(basis: Basis) -> dict[str, object]:
    """The same, as where a row is asked for."""
    return {f"the_{name}": value for name, value in _keys(basis).items()}
