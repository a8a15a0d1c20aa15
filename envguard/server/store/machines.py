"""The machines: who they are, when they were heard, and what environments they have."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import sqlalchemy as sa

from envguard.domain.environment import Digest, EnvironmentRecord, digest_of, digest_of_text
from envguard.domain.verdict import Basis
from envguard.server.store.database import insert_once
from envguard.server.store.schema import environments, facts, machines, past_epochs, snapshots
from envguard.server.tokens import SecretDigest
from envguard.wire import Checkin, EnrolRequest, Records, records_digest


class KnownEnvironment(msgspec.Struct, frozen=True):
    """An environment's record, and the digests with which it last was compliant."""

    record: EnvironmentRecord
    matched: Basis | None


class KnownMachine(msgspec.Struct, frozen=True, kw_only=True):
    """A machine as the server last heard of it."""

    id: str
    name: str
    labels: Mapping[str, str]
    seen_at_s: float
    facts: Digest | None
    """None until its first records came."""
    environments: tuple[KnownEnvironment, ...] = ()


def machine_named(connection: sa.Connection, name: str) -> str | None:
    """Answer the id of the machine that people call so."""
    return connection.scalar(sa.select(machines.c.id).where(machines.c.name == name))


def enrol(connection: sa.Connection, request: EnrolRequest, secret: SecretDigest, now_s: float) -> None:
    """Keep a machine; one that was known gets the new secret, name and labels, and counts afresh."""
    values = {
        "name": request.name,
        "labels": msgspec.json.encode(request.labels),
        "secret_digest": secret,
        "seen_at": now_s,
        "epoch": None,
        "seq": None,
    }
    connection.execute(past_epochs.delete().where(past_epochs.c.machine == request.machine))
    changed = connection.execute(machines.update().where(machines.c.id == request.machine).values(values))
    if changed.rowcount == 0:
        connection.execute(machines.insert().values(id=request.machine, **values))


def is_out_of_order(connection: sa.Connection, machine: str, checkin: Checkin) -> bool:
    """Whether the machine has said something later than this check-in."""
    query = sa.select(machines.c.epoch, machines.c.seq).where(machines.c.id == machine)
    row = connection.execute(query.with_for_update()).one()
    if row.epoch == checkin.epoch:
        return bool(checkin.seq < row.seq)
    past = (past_epochs.c.machine == machine) & (past_epochs.c.epoch == checkin.epoch)
    return connection.scalar(sa.select(past_epochs.c.epoch).where(past)) is not None


def record_checkin(connection: sa.Connection, machine: str, checkin: Checkin, now_s: float) -> None:
    """Keep that the machine was heard."""
    where = machines.c.id == machine
    before = connection.scalar(sa.select(machines.c.epoch).where(where))
    if before is not None and before != checkin.epoch:
        connection.execute(past_epochs.insert().values(machine=machine, epoch=before))
    values = {"seen_at": now_s, "epoch": checkin.epoch, "seq": checkin.seq, "version": checkin.version}
    connection.execute(machines.update().where(where).values(values))


def held_records(connection: sa.Connection, machine: str) -> Digest | None:
    """Answer the one hash over the records that the server has of the machine."""
    digest = connection.scalar(sa.select(machines.c.records_digest).where(machines.c.id == machine))
    return None if digest is None else Digest(digest)


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
    facts_digest = digest_of(records.facts)
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
    values = {"records_digest": records_digest(records), "facts_digest": facts_digest}
    connection.execute(machines.update().where(machines.c.id == machine).values(values))


def known_machines(connection: sa.Connection, machine: str | None = None) -> tuple[KnownMachine, ...]:
    """Answer every machine with its environments, by name; or only the one with this id."""
    only = sa.true() if machine is None else environments.c.machine == machine
    found: dict[str, list[KnownEnvironment]] = {}
    for row in connection.execute(sa.select(environments).where(only)):
        matched = None if row.matched is None else msgspec.json.decode(row.matched, type=Basis)
        record = msgspec.json.decode(row.record, type=EnvironmentRecord)
        found.setdefault(row.machine, []).append(KnownEnvironment(record, matched))
    only = sa.true() if machine is None else machines.c.id == machine
    return tuple(
        KnownMachine(
            id=row.id,
            name=row.name,
            labels=msgspec.json.decode(row.labels, type=dict[str, str]),
            seen_at_s=row.seen_at,
            facts=None if row.facts_digest is None else Digest(row.facts_digest),
            environments=tuple(sorted(found.get(row.id, ()), key=lambda each: each.record.path)),
        )
        for row in connection.execute(sa.select(machines).where(only).order_by(machines.c.name))
    )


def record_match(connection: sa.Connection, machine: str, path: str, matched: Basis) -> None:
    """Keep the digests with which an environment was compliant."""
    this = (environments.c.machine == machine) & (environments.c.path_digest == digest_of_text(path))
    values = {"matched": msgspec.json.encode(matched)}
    connection.execute(environments.update().where(this).values(values))
