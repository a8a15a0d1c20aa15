"""What an error of the database means, and what whoever asked is told; for both kinds of database.

PostgreSQL's errors have a code ("PostgreSQL Error Codes", in its documentation's appendix). SQLite has codes
too, in Python only from 3.11 on; their words have been the same for many years.
"""

from __future__ import annotations

import sqlite3
from typing import Literal

import msgspec
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

Meaning = Literal["full", "busy", "crowded", "read-only", "damaged", "unwritable", "away", "fault"]

_BY_CODE: dict[str, Meaning] = {
    "53100": "full",  # disk_full
    "55P03": "busy",  # lock_not_available: a wait was longer than `lock_timeout`
    "40P01": "busy",  # deadlock_detected
    "40001": "busy",  # serialization_failure
    "25P03": "busy",  # idle_in_transaction_session_timeout
    "25006": "read-only",  # read_only_sql_transaction: a standby
    "XX001": "damaged",  # data_corrupted
    "XX002": "damaged",  # index_corrupted
}
_BY_CLASS: dict[str, Meaning] = {
    "08": "away",  # connection exceptions
    "53": "crowded",  # out of memory, too many connections
    "57": "away",  # it stops, starts, or was told to end this connection
    "58": "unwritable",  # errors of its system: input and output
}
_BY_WORDS: dict[str, Meaning] = {
    "database or disk is full": "full",
    "database is locked": "busy",
    "database table is locked": "busy",
    "attempt to write a readonly database": "read-only",
    "database disk image is malformed": "damaged",
    "file is not a database": "damaged",
    "disk i/o error": "unwritable",
    "unable to open database file": "unwritable",
}


class Failure(msgspec.Struct, frozen=True):
    """An answer to a request that the database let down."""

    status: int
    error: str
    hint: str
    retry_after_s: int | None
    """None: it is not worth it."""


_SAFE = "what was acknowledged is kept"
_FAILURES: dict[Meaning, Failure] = {
    "full": Failure(507, "the disk of the server's database is full", f"make room there; {_SAFE}", 60),
    "busy": Failure(503, "the server's database is busy", "try again", 5),
    "crowded": Failure(
        503, "the server's database has too much to do", "try again; its log says what it lacks", 15
    ),
    "read-only": Failure(
        503, "the server's database is read-only", "name the primary, or make its file writable", 60
    ),
    "damaged": Failure(
        503, "the server's database is damaged", "on the server's machine: envguard server check", 60
    ),
    "unwritable": Failure(
        503, "the server's database cannot use its disk", f"look whether it is full, or broken; {_SAFE}", 60
    ),
    "away": Failure(503, "the server's database does not answer", "try again in a minute", 30),
    "fault": Failure(500, "the server failed; its log says where", "tell whoever runs it", None),
}


def failure_of(error: SQLAlchemyError) -> Failure:
    """Answer what whoever asked is told."""
    return _FAILURES[meaning_of(error)]


def is_lock_wait(error: BaseException) -> bool:
    """Whether another transaction held for too long what this one needed."""
    return isinstance(error, SQLAlchemyError) and meaning_of(error) == "busy"


def meaning_of(error: SQLAlchemyError) -> Meaning:
    """Answer what kind of failure it is; ``fault`` is a mistake of ours."""
    if isinstance(error, PoolTimeoutError):
        return "crowded"
    if not isinstance(error, DBAPIError):
        return "fault"
    code = str(getattr(error.orig, "sqlstate", None) or "")
    words = str(error.orig).lower()
    known = _BY_CODE.get(code) or _BY_CLASS.get(code[:2])
    known = known or next((each for text, each in _BY_WORDS.items() if words.startswith(text)), None)
    if known is not None:
        return known
    # SQLite calls also a missing column "operational"; nothing of it is ever away.
    is_outside = isinstance(error, OperationalError | InterfaceError) and not isinstance(
        error.orig, sqlite3.Error
    )
    return "away" if error.connection_invalidated or (is_outside and not code) else "fault"
