"""The machines: who they are, when they were heard, and what environments they have."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache

import msgspec
import sqlalchemy as sa

from envguard.domain.environment import Digest, EnvironmentRecord, digest_of, digest_of_text
from envguard.domain.verdict import Basis
from envguard.server.store.database import insert_once
from envguard.server.store.schema import cases, environments, facts, machines, past_epochs, snapshots
from envguard.server.tokens import SecretDigest
from envguard.wire import Records, records_digest


class KnownEnvironment(msgspec.Struct, frozen=True):
    """An environment's record, and the digests with which it last was compliant."""

    record: EnvironmentRecord
    matched: Basis | None
    case: int | None = None
    """The number of the case in which its verdict is kept; None: it was not judged yet."""


class KnownMachine(msgspec.Struct, frozen=True, kw_only=True):
    """A machine as the server last heard of it."""

    id: str
    name: str
    labels: Mapping[str, str]
    seen_at_s: float
    facts: Digest | None
    """None until its first records came."""
    left_at_s: float | None = None
    """When it said goodbye; it has come back if it was seen later."""
    is_incomplete: bool = False
    """The look behind its records was cut off."""
    is_behind: bool = False
    """It has checked in with other records than those that the server has."""
    speakers: str | None = None
    """Who spoke last with its identity, as JSON; see :mod:`envguard.server.speaking`."""
    environments: tuple[KnownEnvironment, ...] = ()


def machine_named(connection: sa.Connection, name: str) -> str | None:
    """Answer the id of the machine that people call so; a retired one is called by nobody."""
    query = sa.select(machines.c.id).where(machines.c.name == name, machines.c.retired_at.is_(None))
    return connection.scalar(query)


class Joining(msgspec.Struct, frozen=True, kw_only=True):
    """A machine that is let in, or waits to be."""

    machine: str
    """The id that it made itself."""
    name: str
    labels: Mapping[str, str]
    secret: SecretDigest
    joined_with: SecretDigest
    """The digest of its join token."""


def enrol(connection: sa.Connection, joining: Joining, now_s: float) -> None:
    """Keep a machine; one that was known gets the new secret, name and labels, and counts afresh."""
    values = {
        "name": joining.name,
        "labels": msgspec.json.encode(joining.labels),
        "secret_digest": joining.secret,
        "secret_at": now_s,
        "next_secret_digest": None,
        "joined_with": joining.joined_with,
        "retired_at": None,
        "seen_at": now_s,
        "epoch": None,
        "seq": None,
        "speakers": None,
    }
    connection.execute(past_epochs.delete().where(past_epochs.c.machine == joining.machine))
    changed = connection.execute(machines.update().where(machines.c.id == joining.machine).values(values))
    if changed.rowcount == 0:
        connection.execute(machines.insert().values(id=joining.machine, **values))


def hold(connection: sa.Connection, machine: str) -> None:
    """See to it that until the transaction ends the machine says nothing else beside it."""
    connection.execute(sa.select(machines.c.id).where(machines.c.id == machine).with_for_update())


def missing_snapshots(connection: sa.Connection, machine: str) -> tuple[Digest, ...]:
    """Answer the snapshots that the machine's records name and the server does not have."""
    query = (
        sa.select(environments.c.snapshot)
        .distinct()
        .outerjoin(snapshots, environments.c.snapshot == snapshots.c.digest)
        .where(environments.c.machine == machine, snapshots.c.digest.is_(None))
        .order_by(environments.c.snapshot)
    )
    return tuple(map(Digest, connection.scalars(query)))


def replace_records(connection: sa.Connection, machine: str, records: Records) -> None:
    """Keep the machine's records; absent ones are dropped, unless the look was cut off before its end."""
    hold(connection, machine)  # of two messages at once, one waits for the other
    facts_digest, told = digest_of(records.facts), records_digest(records)
    if connection.scalar(sa.select(facts.c.digest).where(facts.c.digest == facts_digest)) is None:
        document = msgspec.json.encode(records.facts)
        insert_once(connection, facts, {"digest": facts_digest, "document": document})
    of_machine = environments.c.machine == machine
    known = set(connection.scalars(sa.select(environments.c.path_digest).where(of_machine)))
    named = {digest_of_text(record.path): record for record in records.records}
    for path_digest, record in named.items():
        values = {"snapshot": record.digest, "record": msgspec.json.encode(record)}
        if path_digest in known:
            this = of_machine & (environments.c.path_digest == path_digest)
            connection.execute(environments.update().where(this).values(values))
        else:
            keys = {"machine": machine, "path_digest": path_digest}
            connection.execute(environments.insert().values({**keys, **values}))
    if not records.is_incomplete:
        for path_digest in known - named.keys():
            this = of_machine & (environments.c.path_digest == path_digest)
            connection.execute(environments.delete().where(this))
    said = {
        "records_digest": told,
        "told_digest": told,
        "facts_digest": facts_digest,
        "is_incomplete": records.is_incomplete,
    }
    connection.execute(machines.update().where(machines.c.id == machine).values(said))


def known_machines(connection: sa.Connection) -> tuple[KnownMachine, ...]:
    """Answer every machine with its environments, by name, but for retired ones."""
    return _known(connection, sa.true(), sa.true())


def machines_with(connection: sa.Connection, ids: Collection[str]) -> tuple[KnownMachine, ...]:
    """Answer the machines with these ids, a few thousand at most, by name, but for retired ones."""
    return _known(connection, machines.c.id.in_(ids), environments.c.machine.in_(ids))


def machines_from(
    connection: sa.Connection, first: str, *, at_most: int, owner: str | None, named: str | None
) -> tuple[tuple[KnownMachine, ...], str | None]:
    """Answer so many machines by name, this name or the next being the first, and the name of the last.

    That is None where there are no more. ``owner`` is the id and ``named`` the name of the one that matters.
    """
    query = sa.select(machines.c.id, machines.c.name).where(
        machines.c.name >= first, machines.c.retired_at.is_(None)
    )
    if owner is not None:
        query = query.where(machines.c.id == owner)
    if named is not None:
        query = query.where(machines.c.name == named)
    found = connection.execute(query.order_by(machines.c.name).limit(at_most)).all()
    last = found[-1].name if len(found) == at_most else None
    return machines_with(connection, [each.id for each in found]), last


def machines_of_cases(
    connection: sa.Connection, numbers: Collection[int], machine: str | None = None
) -> tuple[KnownMachine, ...]:
    """Answer the machines, or this one, with their environments of these cases alone."""
    only = sa.true() if machine is None else environments.c.machine == machine
    these = sa.and_(environments.c.case_id.in_(sorted(numbers)), only)
    return _known(connection, machines.c.id.in_(sa.select(environments.c.machine).where(these)), these)


def one_of_each(connection: sa.Connection, numbers: Collection[int]) -> dict[int, KnownMachine]:
    """Answer for each of these cases a machine with one environment of it; what has none is absent."""
    of_case = environments.c.case_id == cases.c.id
    one = sa.select(environments.c.machine).where(of_case).limit(1).scalar_subquery()
    query = sa.select(cases.c.id, one.label("machine")).where(cases.c.id.in_(numbers))
    chosen = {row.id: row.machine for row in connection.execute(query) if row.machine is not None}
    names = set(chosen.values())
    theirs = sa.and_(environments.c.machine.in_(names), environments.c.case_id.in_(chosen))
    known = {each.id: each for each in _known(connection, machines.c.id.in_(names), theirs)}
    return {number: _with_one(known[machine], number) for number, machine in chosen.items()}


def _with_one(machine: KnownMachine, case: int) -> KnownMachine:
    only = next(each for each in machine.environments if each.case == case)
    return msgspec.structs.replace(machine, environments=(only,))


def _known(
    connection: sa.Connection, these: sa.ColumnElement[bool], of_these: sa.ColumnElement[bool]
) -> tuple[KnownMachine, ...]:
    found: dict[str, list[KnownEnvironment]] = {}
    of_environment = (environments.c.machine, environments.c.record, environments.c.matched)
    query = sa.select(*of_environment, environments.c.case_id, cases.c.matched.label("of_case"))
    joined = environments.outerjoin(cases, environments.c.case_id == cases.c.id)
    for row in connection.execute(query.select_from(joined).where(of_these)):
        matched = _basis(row.matched if row.case_id is None else row.of_case)
        record = msgspec.json.decode(row.record, type=EnvironmentRecord)
        found.setdefault(row.machine, []).append(KnownEnvironment(record, matched, row.case_id))
    return tuple(
        KnownMachine(
            id=row.id,
            name=row.name,
            labels=msgspec.json.decode(row.labels, type=dict[str, str]),
            seen_at_s=row.seen_at,
            left_at_s=row.left_at,
            facts=None if row.facts_digest is None else Digest(row.facts_digest),
            is_incomplete=row.is_incomplete,
            is_behind=row.told_digest not in (None, row.records_digest),
            speakers=row.speakers,
            environments=tuple(sorted(found.get(row.id, ()), key=lambda each: each.record.path)),
        )
        for row in connection.execute(
            sa.select(machines).where(these, machines.c.retired_at.is_(None)).order_by(machines.c.name)
        )
    )


@lru_cache(maxsize=1024)
def _basis(document: bytes | None) -> Basis | None:
    """Read what many environments share once."""
    return None if document is None else msgspec.json.decode(document, type=Basis)
