"""Who may come in: admin tokens, join tokens, sessions of the pages."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import msgspec
import sqlalchemy as sa

from envguard.server.store.schema import admin_tokens, join_tokens, machines, sessions
from envguard.server.store.sets import Statement, bound, is_among
from envguard.server.tokens import SecretDigest


class Principal(msgspec.Struct, frozen=True):
    """Who asks: the admin, or a machine by its id."""

    role: Literal["admin", "machine"]
    machine: str | None = None

    @property
    def name(self) -> str:
        """Kind and id, as the log has it."""
        return self.role if self.machine is None else f"{self.role}:{self.machine}"


JoinRefusal = Literal["unknown", "expired", "used up"]
"""Why a join token lets nobody in."""


_PEOPLE = Statement(
    lambda dialect: sa.select(admin_tokens.c.digest).where(
        is_among(admin_tokens.c.digest, "digests", dialect)
    )
)


def who_has(connection: sa.Connection, digest: SecretDigest) -> Principal | None:
    """Answer whose secret this is."""
    if connection.scalar(sa.select(admin_tokens.c.digest).where(admin_tokens.c.digest == digest)):
        return Principal("admin")
    machine = connection.scalar(sa.select(machines.c.id).where(machines.c.secret_digest == digest))
    return None if machine is None else Principal("machine", machine)


def people_among(connection: sa.Connection, digests: Collection[SecretDigest]) -> set[SecretDigest]:
    """Answer those of the secrets that are people's."""
    if not digests:
        return set()
    found = connection.scalars(_PEOPLE.on(connection), {"digests": bound(connection, list(digests))})
    return set(map(SecretDigest, found))


def add_admin_token(connection: sa.Connection, digest: SecretDigest, now_s: float) -> None:
    """Let a secret in as the admin; nothing happens if it is already."""
    if who_has(connection, digest) is None:
        connection.execute(admin_tokens.insert().values(digest=digest, made_at=now_s))


def add_join_token(
    connection: sa.Connection, digest: SecretDigest, *, now_s: float, expires_s: float, uses: int
) -> None:
    """Keep a join token, and drop those that ended."""
    connection.execute(join_tokens.delete().where(join_tokens.c.expires_at < now_s - 30 * 24 * 3600))
    row = {"digest": digest, "made_at": now_s, "expires_at": now_s + expires_s, "uses_left": uses}
    connection.execute(join_tokens.insert().values(row))


def use_join_token(connection: sa.Connection, digest: SecretDigest, now_s: float) -> JoinRefusal | None:
    """Count one use of a join token, or answer why it cannot be used."""
    query = sa.select(join_tokens).where(join_tokens.c.digest == digest).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        return "unknown"
    if row.expires_at <= now_s:
        return "expired"
    if row.uses_left < 1:
        return "used up"
    where = join_tokens.c.digest == digest
    connection.execute(join_tokens.update().where(where).values(uses_left=row.uses_left - 1))
    return None


def add_session(
    connection: sa.Connection, digest: SecretDigest, token: SecretDigest, *, now_s: float, expires_s: float
) -> None:
    """Keep a session of the pages, which lives no longer than the token it was opened with."""
    connection.execute(sessions.delete().where(sessions.c.expires_at <= now_s))
    row = {"digest": digest, "token_digest": token, "expires_at": now_s + expires_s}
    connection.execute(sessions.insert().values(row))


def who_is_signed_in(connection: sa.Connection, digest: SecretDigest, now_s: float) -> Principal | None:
    """Answer whose session this is."""
    query = sa.select(sessions.c.token_digest).where(
        sessions.c.digest == digest, sessions.c.expires_at > now_s
    )
    token = connection.scalar(query)
    return None if token is None else who_has(connection, SecretDigest(token))


def end_session(connection: sa.Connection, digest: SecretDigest) -> None:
    """Forget a session."""
    connection.execute(sessions.delete().where(sessions.c.digest == digest))
