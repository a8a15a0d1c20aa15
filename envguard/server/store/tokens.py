"""The tokens that an admin hands out: people's, and those by which machines join."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Literal

import msgspec
import sqlalchemy as sa

from envguard.domain.rights import PersonRole, Role
from envguard.server.store.access import day_of, end_secret, end_sessions_of, has_ended
from envguard.server.store.schema import (
    admin_tokens,
    join_tokens,
    people_tokens,
    token_places,
)
from envguard.server.tokens import SecretDigest
from envguard.wire.tokens import ID_CHARACTERS, TokenRow

JoinRefusal = Literal["unknown", "expired", "used up", "revoked"]
"""Why a join token lets nobody in."""


class JoinToken(msgspec.Struct, frozen=True, kw_only=True):
    """What machines become that join by it."""

    digest: SecretDigest
    labels: Mapping[str, str] = {}
    needs_approval: bool = False


class KeptToken(msgspec.Struct, frozen=True):
    """A token that is in force, or was until its end."""

    digest: SecretDigest
    row: TokenRow


def id_of(digest: SecretDigest) -> str:
    """Answer by what people name a token: the digest's beginning, which opens nothing."""
    return digest[:ID_CHARACTERS]


def add_join_token(
    connection: sa.Connection,
    token: JoinToken,
    *,
    by: str,
    made_with: SecretDigest | None,
    now_s: float,
    expires_s: float,
    uses: int,
) -> None:
    """Keep a join token."""
    row = {
        "digest": token.digest,
        "made_at": now_s,
        "expires_at": now_s + expires_s,
        "uses_left": uses,
        "made_by": by,
        "made_with": made_with,
        "labels": msgspec.json.encode(token.labels),
        "needs_approval": token.needs_approval,
    }
    connection.execute(join_tokens.insert().values(row))


def use_join_token(connection: sa.Connection, digest: SecretDigest, now_s: float) -> JoinToken | JoinRefusal:
    """Count one use of a join token, or answer why it cannot be used."""
    query = sa.select(join_tokens).where(join_tokens.c.digest == digest).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        return "revoked" if has_ended(connection, digest) else "unknown"
    if row.expires_at <= now_s:
        return "expired"
    if row.uses_left < 1:
        return "used up"
    where = join_tokens.c.digest == digest
    connection.execute(join_tokens.update().where(where).values(uses_left=row.uses_left - 1))
    return JoinToken(digest=digest, labels=_labels(row.labels), needs_approval=row.needs_approval)


def add_person_token(
    connection: sa.Connection,
    digest: SecretDigest,
    *,
    person: str,
    role: PersonRole,
    by: str,
    now_s: float,
    expires_s: float,
) -> None:
    """Keep a person's token."""
    row = {"digest": digest, "person": person, "role": role, "made_at": now_s, "made_by": by}
    connection.execute(people_tokens.insert().values(**row, expires_at=now_s + expires_s))


def note_use(connection: sa.Connection, digest: SecretDigest, now_s: float) -> None:
    """Keep on which day a person's token was used last."""
    where = people_tokens.c.digest == digest
    connection.execute(people_tokens.update().where(where).values(used_on=day_of(now_s)))


def expires_at(connection: sa.Connection, digest: SecretDigest) -> datetime | None:
    """Answer when a person's token ends; None of any other secret."""
    query = sa.select(people_tokens.c.expires_at).where(people_tokens.c.digest == digest)
    at_s = connection.scalar(query)
    return None if at_s is None else _moment(at_s)


def people_with(connection: sa.Connection, roles: frozenset[Role], now_s: float) -> tuple[str, ...]:
    """Answer who has one of these roles now, by name."""
    is_there = people_tokens.c.role.in_(sorted(roles)) & (people_tokens.c.expires_at > now_s)
    query = sa.select(people_tokens.c.person).where(is_there).distinct().order_by(people_tokens.c.person)
    return tuple(connection.scalars(query))


def kept_tokens(connection: sa.Connection) -> tuple[KeptToken, ...]:
    """Answer every token that is kept: the server's files', people's, then join tokens, the newest last."""
    of_files = connection.execute(sa.select(admin_tokens).order_by(admin_tokens.c.made_at))
    of_people = connection.execute(sa.select(people_tokens).order_by(people_tokens.c.made_at))
    of_joining = connection.execute(sa.select(join_tokens).order_by(join_tokens.c.made_at))
    return (
        *(KeptToken(SecretDigest(each.digest), _file_row(each)) for each in of_files),
        *(KeptToken(SecretDigest(each.digest), _person_row(each)) for each in of_people),
        *(KeptToken(SecretDigest(each.digest), _join_row(each)) for each in of_joining),
    )


def revoke(connection: sa.Connection, token: KeptToken, now_s: float) -> int:
    """End a token now; answer how many sessions ended with it."""
    table = {"file": admin_tokens, "person": people_tokens, "join": join_tokens}[token.row.kind]
    connection.execute(table.delete().where(table.c.digest == token.digest))
    connection.execute(token_places.delete().where(token_places.c.token == token.digest))
    end_secret(connection, token.digest, "revoked", name=token.row.person or "", now_s=now_s)
    return end_sessions_of(connection, token.digest)


def _file_row(row: sa.Row[tuple[object, ...]]) -> TokenRow:
    digest = SecretDigest(row.digest)
    return TokenRow(id=id_of(digest), kind="file", person="admin", role="admin", made_at=_moment(row.made_at))


def _person_row(row: sa.Row[tuple[object, ...]]) -> TokenRow:
    return TokenRow(
        id=id_of(SecretDigest(row.digest)),
        kind="person",
        person=row.person,
        role=row.role,
        made_at=_moment(row.made_at),
        made_by=row.made_by,
        expires_at=_moment(row.expires_at),
        used_on=None if row.used_on is None else date(1970, 1, 1) + timedelta(days=row.used_on),
    )


def _join_row(row: sa.Row[tuple[object, ...]]) -> TokenRow:
    return TokenRow(
        id=id_of(SecretDigest(row.digest)),
        kind="join",
        made_at=_moment(row.made_at),
        made_by=row.made_by,
        expires_at=_moment(row.expires_at),
        uses_left=row.uses_left,
        labels=_labels(row.labels),
        needs_approval=row.needs_approval,
    )


def _labels(document: bytes | None) -> dict[str, str]:
    return {} if document is None else msgspec.json.decode(document, type=dict[str, str])


def _moment(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, timezone.utc)
