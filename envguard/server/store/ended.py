"""What is over and serves nobody any more."""

from __future__ import annotations

import sqlalchemy as sa

from envguard.server.store.schema import join_tokens, sessions

_TOKENS_KEPT_S = 30 * 24 * 3600.0
"""After its end a join token is still told to be expired, instead of unknown."""


def forget_ended_sessions(connection: sa.Connection, now_s: float) -> None:
    """Remove sessions of the pages that ended."""
    connection.execute(sessions.delete().where(sessions.c.expires_at <= now_s))


def forget_ended_join_tokens(connection: sa.Connection, now_s: float) -> None:
    """Remove join tokens that ended a month ago."""
    connection.execute(join_tokens.delete().where(join_tokens.c.expires_at < now_s - _TOKENS_KEPT_S))
