"""What is over and serves nobody any more."""

from __future__ import annotations

import sqlalchemy as sa

from envguard.server.store.schema import ended_secrets, join_tokens, people_tokens, sessions, token_places

_TOKENS_KEPT_S = 30 * 24 * 3600.0
"""After its end a token is still told to be expired, instead of unknown."""
_ENDED_KEPT_S = 400 * 24 * 3600.0
"""So long it is told why a secret ended; no token is good for longer."""


def forget_ended_sessions(connection: sa.Connection, now_s: float) -> None:
    """Remove sessions of the pages that ended."""
    connection.execute(sessions.delete().where(sessions.c.expires_at <= now_s))


def forget_ended_join_tokens(connection: sa.Connection, now_s: float) -> None:
    """Remove join tokens that ended a month ago."""
    connection.execute(join_tokens.delete().where(join_tokens.c.expires_at < now_s - _TOKENS_KEPT_S))


def forget_ended_people_tokens(connection: sa.Connection, now_s: float) -> None:
    """Remove people's tokens that ended a month ago, and where they were used."""
    is_over = people_tokens.c.expires_at < now_s - _TOKENS_KEPT_S
    over = sa.select(people_tokens.c.digest).where(is_over)
    connection.execute(token_places.delete().where(token_places.c.token.in_(over)))
    connection.execute(people_tokens.delete().where(is_over))


def forget_ended_secrets(connection: sa.Connection, now_s: float) -> None:
    """Remove secrets of machines that went long ago; what was revoked may still lie in a server's file."""
    is_over = ended_secrets.c.ended_at < now_s - _ENDED_KEPT_S
    connection.execute(ended_secrets.delete().where(is_over, ended_secrets.c.why != "revoked"))
