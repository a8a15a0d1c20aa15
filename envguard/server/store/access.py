"""Whose secret is it? Machines, people and the server's own file; and the sessions of the pages."""

from __future__ import annotations

from typing import Literal, cast

import msgspec
import sqlalchemy as sa

from envguard.domain.rights import Role
from envguard.server.store.schema import (
    admin_tokens,
    ended_secrets,
    machines,
    pending_machines,
    people_tokens,
    sessions,
)
from envguard.server.tokens import SecretDigest

_DAY_S = 24 * 3600


class Principal(msgspec.Struct, frozen=True):
    """Who asks: a person by name, or a machine by its id."""

    role: Role
    name: str
    """A person's, or the machine's."""
    token: SecretDigest
    """The digest of what it came with."""
    machine: str | None = None
    is_use_noted: bool = True
    """It is written down already that this person's token was used today."""

    @property
    def label(self) -> str:
        """Role and who, as the server's log has it."""
        return f"{self.role}:{self.machine or self.name}"


EndedWhy = Literal["revoked", "retired", "lost"]

StrangerWhy = Literal["unknown", "expired", "pending"] | EndedWhy


class Stranger(msgspec.Struct, frozen=True):
    """A secret that lets nobody in, and what it was."""

    why: StrangerWhy
    name: str = ""
    """Whose it was, or is to be."""


def who_has(connection: sa.Connection, digest: SecretDigest, now_s: float) -> Principal | Stranger:
    """Answer whose secret this is."""
    query = sa.select(machines.c.id, machines.c.name).where(machines.c.secret_digest == digest)
    machine = connection.execute(query).one_or_none()
    if machine is not None:
        return Principal("machine", machine.name, digest, machine.id)
    person = connection.execute(
        sa.select(people_tokens).where(people_tokens.c.digest == digest)
    ).one_or_none()
    if person is not None:
        if person.expires_at <= now_s:
            return Stranger("expired", person.person)
        is_noted = person.used_on == day_of(now_s)
        return Principal(cast("Role", person.role), person.person, digest, is_use_noted=is_noted)
    if connection.scalar(sa.select(admin_tokens.c.digest).where(admin_tokens.c.digest == digest)):
        return Principal("admin", "admin", digest)
    return _stranger(connection, digest)


def day_of(at_s: float) -> int:
    """Answer a time's day in UTC, counted from the epoch."""
    return int(at_s // _DAY_S)


def add_admin_token(connection: sa.Connection, digest: SecretDigest, now_s: float) -> bool:
    """Let a secret in as the admin; answer whether it is new."""
    if connection.scalar(sa.select(admin_tokens.c.digest).where(admin_tokens.c.digest == digest)):
        return False
    connection.execute(admin_tokens.insert().values(digest=digest, made_at=now_s))
    return True


def has_ended(connection: sa.Connection, digest: SecretDigest) -> bool:
    """Whether it is remembered of a secret that it ended."""
    query = sa.select(ended_secrets.c.digest).where(ended_secrets.c.digest == digest)
    return connection.scalar(query) is not None


def end_secret(
    connection: sa.Connection, digest: SecretDigest, why: EndedWhy, *, name: str, now_s: float
) -> None:
    """Remember of a secret that it ended, so that who comes with it is told so."""
    if not has_ended(connection, digest):
        row = {"digest": digest, "why": why, "name": name, "ended_at": now_s}
        connection.execute(ended_secrets.insert().values(row))


def add_session(
    connection: sa.Connection, digest: SecretDigest, token: SecretDigest, *, now_s: float, expires_s: float
) -> None:
    """Keep a session of the pages, which lives no longer than the token it was opened with."""
    row = {"digest": digest, "token_digest": token, "expires_at": now_s + expires_s}
    connection.execute(sessions.insert().values(row))


def who_is_signed_in(connection: sa.Connection, digest: SecretDigest, now_s: float) -> Principal | None:
    """Answer whose session this is."""
    query = sa.select(sessions.c.token_digest).where(
        sessions.c.digest == digest, sessions.c.expires_at > now_s
    )
    token = connection.scalar(query)
    found = None if token is None else who_has(connection, SecretDigest(token), now_s)
    return found if isinstance(found, Principal) else None


def end_session(connection: sa.Connection, digest: SecretDigest) -> bool:
    """Forget a session; answer whether there was one."""
    return connection.execute(sessions.delete().where(sessions.c.digest == digest)).rowcount > 0


def end_sessions_of(connection: sa.Connection, token: SecretDigest) -> int:
    """Forget all sessions that were opened with a token; answer how many."""
    return connection.execute(sessions.delete().where(sessions.c.token_digest == token)).rowcount


def _stranger(connection: sa.Connection, digest: SecretDigest) -> Stranger:
    waiting = sa.select(pending_machines.c.name).where(pending_machines.c.secret_digest == digest)
    name = connection.scalar(waiting)
    if name is not None:
        return Stranger("pending", name)
    ended = connection.execute(sa.select(ended_secrets).where(ended_secrets.c.digest == digest)).one_or_none()
    return Stranger("unknown") if ended is None else Stranger(cast("EndedWhy", ended.why), ended.name)
