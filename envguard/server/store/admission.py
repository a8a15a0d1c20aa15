"""How machines come and go: those that wait, those that were let in, and those that were retired.

A machine that waits is in a table of its own: nothing counts it, and its secret is no machine's. Of one that
is retired all that it told stays. In the place of its secret stands the digest of one that nobody has.
"""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec
import sqlalchemy as sa

from envguard.server.store.access import EndedWhy, end_secret, end_sessions_of
from envguard.server.store.database import insert_once
from envguard.server.store.machines import Joining, enrol
from envguard.server.store.schema import join_tokens, machines, pending_machines, token_places
from envguard.server.tokens import SecretDigest, digest_of_secret, new_secret
from envguard.wire.admission import AdmittedMachine


class Retired(msgspec.Struct, frozen=True):
    """What a retired machine leaves behind for whom has it."""

    sessions: int
    """That were opened with its secret, and ended."""
    joined_with: SecretDigest | None
    used_there: tuple[SecretDigest, ...]
    """The digests of people's tokens that are known to have been used there."""


def who_is_called(connection: sa.Connection, name: str) -> str | None:
    """Answer the id of the machine of this name, joined or waiting; a retired one gives its name up."""
    joined = sa.select(machines.c.id).where(machines.c.name == name, machines.c.retired_at.is_(None))
    waiting = sa.select(pending_machines.c.id).where(pending_machines.c.name == name)
    return connection.scalar(joined) or connection.scalar(waiting)


def free_name(connection: sa.Connection, name: str, machine: str) -> None:
    """Take a name from a retired machine, so that another may have it."""
    is_holder = (machines.c.name == name) & machines.c.retired_at.is_not(None) & (machines.c.id != machine)
    held = connection.scalar(sa.select(machines.c.id).where(is_holder))
    if held is not None:
        former = f"{name[:150]} (retired {digest_of_secret(held)[:12]})"
        connection.execute(machines.update().where(machines.c.id == held).values(name=former))


def wait_for_approval(connection: sa.Connection, joining: Joining, now_s: float) -> None:
    """Keep a machine that waits; what it said before gives way."""
    values = {
        "name": joining.name,
        "labels": msgspec.json.encode(joining.labels),
        "secret_digest": joining.secret,
        "joined_with": joining.joined_with,
        "asked_at": now_s,
    }
    connection.execute(pending_machines.delete().where(pending_machines.c.id == joining.machine))
    connection.execute(pending_machines.insert().values(id=joining.machine, **values))


def waiting_machine(connection: sa.Connection, name: str) -> Joining | None:
    """Answer the machine of this name that waits; until the transaction ends, nobody else decides."""
    query = sa.select(pending_machines).where(pending_machines.c.name == name).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Joining(
        machine=row.id,
        name=row.name,
        labels=msgspec.json.decode(row.labels, type=dict[str, str]),
        secret=SecretDigest(row.secret_digest),
        joined_with=SecretDigest(row.joined_with),
    )


def let_in(connection: sa.Connection, joining: Joining, now_s: float) -> None:
    """Make a machine that waited one that has joined."""
    forget_waiting(connection, joining.machine)
    free_name(connection, joining.name, joining.machine)
    enrol(connection, joining, now_s)


def forget_waiting(connection: sa.Connection, machine: str) -> None:
    """Let a machine wait no longer."""
    connection.execute(pending_machines.delete().where(pending_machines.c.id == machine))


def refuse_waiting(connection: sa.Connection, waiting: Joining, now_s: float) -> None:
    """Do not let a machine in that waits; it is told so."""
    forget_waiting(connection, waiting.machine)
    end_secret(connection, waiting.secret, "retired", name=waiting.name, now_s=now_s)


def retire(connection: sa.Connection, machine: str, why: EndedWhy, now_s: float) -> Retired:
    """Take a machine out of the team, and end its secret; answer what else may have to end."""
    row = connection.execute(sa.select(machines).where(machines.c.id == machine).with_for_update()).one()
    secret = SecretDigest(row.secret_digest)
    end_secret(connection, secret, why, name=row.name, now_s=now_s)
    if row.next_secret_digest is not None:
        end_secret(connection, SecretDigest(row.next_secret_digest), why, name=row.name, now_s=now_s)
    values = {
        "retired_at": now_s,
        "secret_digest": digest_of_secret(new_secret("machine")),
        "next_secret_digest": None,
    }
    connection.execute(machines.update().where(machines.c.id == machine).values(values))
    query = sa.select(token_places.c.token).where(token_places.c.machine == machine)
    return Retired(
        sessions=end_sessions_of(connection, secret),
        joined_with=None if row.joined_with is None else SecretDigest(row.joined_with),
        used_there=tuple(map(SecretDigest, connection.scalars(query))),
    )


def note_place(connection: sa.Connection, token: SecretDigest, machine: str) -> None:
    """Keep that a person's token was used on a machine, as far as that is one of ours."""
    if connection.scalar(sa.select(machines.c.id).where(machines.c.id == machine)) is not None:
        insert_once(connection, token_places, {"token": token, "machine": machine})


def is_place_noted(connection: sa.Connection, token: SecretDigest, machine: str) -> bool:
    """Whether it is kept already that a person's token was used on a machine."""
    where = (token_places.c.token == token) & (token_places.c.machine == machine)
    return connection.scalar(sa.select(token_places.c.token).where(where)) is not None


def joins_made_with(connection: sa.Connection, token: SecretDigest) -> tuple[SecretDigest, ...]:
    """Answer the join tokens that somebody made who came with this token."""
    query = sa.select(join_tokens.c.digest).where(join_tokens.c.made_with == token)
    return tuple(map(SecretDigest, connection.scalars(query)))


def offer_secret(connection: sa.Connection, machine: str, secret: SecretDigest) -> None:
    """Keep what the machine's secret is to be once it comes with it; an offer from before is gone."""
    where = machines.c.id == machine
    connection.execute(machines.update().where(where).values(next_secret_digest=secret))


def take_offered(connection: sa.Connection, secret: SecretDigest, now_s: float) -> str | None:
    """Make an offered secret its machine's, and answer the name of that; None where nobody was offered it."""
    query = sa.select(machines.c.id, machines.c.name).where(machines.c.next_secret_digest == secret)
    row = connection.execute(query.with_for_update()).one_or_none()
    if row is None:
        return None
    values = {"secret_digest": secret, "secret_at": now_s, "next_secret_digest": None}
    connection.execute(machines.update().where(machines.c.id == row.id).values(values))
    return str(row.name)


def machine_rows(connection: sa.Connection) -> tuple[AdmittedMachine, ...]:
    """Answer every machine: those that wait, then those that joined, then those that are retired."""
    waiting = connection.execute(sa.select(pending_machines).order_by(pending_machines.c.name))
    known = connection.execute(
        sa.select(machines).order_by(machines.c.retired_at.is_not(None), machines.c.name)
    )
    return (
        *(_waiting_row(each) for each in waiting),
        *(_known_row(each) for each in known),
    )


def _waiting_row(row: sa.Row[tuple[object, ...]]) -> AdmittedMachine:
    labels = msgspec.json.decode(row.labels, type=dict[str, str])
    return AdmittedMachine(name=row.name, state="pending", labels=labels, since=_moment(row.asked_at))


def _known_row(row: sa.Row[tuple[object, ...]]) -> AdmittedMachine:
    return AdmittedMachine(
        name=row.name,
        state="joined" if row.retired_at is None else "retired",
        labels=msgspec.json.decode(row.labels, type=dict[str, str]),
        seen_at=_moment(row.seen_at),
        since=None if row.retired_at is None else _moment(row.retired_at),
        version=row.version,
    )


def _moment(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, timezone.utc)
