"""What an error of the database means, for both kinds of database."""

from __future__ import annotations

_LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL, "Error Codes": a wait for a lock was longer than ``lock_timeout``."""


def is_lock_wait(error: BaseException) -> bool:
    """Whether another transaction held for too long what this one needed."""
    cause = getattr(error, "orig", None)
    if getattr(cause, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
        return True
    return str(cause).startswith(("database is locked", "database table is locked"))
