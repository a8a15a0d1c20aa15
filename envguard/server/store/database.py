"""The connection to the database: SQLite that never loses what it acknowledged, or PostgreSQL by its URL."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from envguard.errors import StateError, UsageError
from envguard.server.store.failures import is_lock_wait
from envguard.server.store.preparing import Prepare, make_ready
from envguard.server.store.sharing import SharedCommits

_SQLITE = (
    "PRAGMA busy_timeout = 30000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)
_ACKNOWLEDGED_IS_ON_DISK = """
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""
"""What is stricter than ``on`` stays."""
_POSTGRESQL = (
    "SET idle_in_transaction_session_timeout = '60s'",  # by default one forgotten transaction lives for ever
    "SET lock_timeout = '30s'",
    _ACKNOWLEDGED_IS_ON_DISK,
)
_DIALECTS = ("sqlite", "postgresql")
_CONNECT_TIMEOUT_S = 10
_ALONE = int.from_bytes(b"envguard", "big")
"""The key of PostgreSQL's advisory lock, the same for every server on one database."""

_URL_HINT = "envguard server --database postgresql+psycopg://USER@HOST/NAME; without it: SQLite in --state"


class Database:
    """Gives transactions; what a ``writing`` block did is on disk when the block has ended."""

    def __init__(self, url: str, *, place: str = "--database", prepare: Prepare = make_ready) -> None:
        """Connect to an SQLAlchemy URL and make the tables; raises UsageError or StateError at ``place``."""
        self.place = place
        self._url = _parsed(url, place)
        self._engine = _engine(self._url, place)
        self._is_sqlite = self._engine.dialect.name == "sqlite"
        self._reader = self._engine
        if self._is_sqlite:
            sa.event.listen(self._engine, "connect", _configure_sqlite)
            sa.event.listen(self._engine, "begin", _begin)
        else:
            sa.event.listen(self._engine, "connect", _configure_postgresql)
            self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ")
        self._writer = self._engine.execution_options(envguard_writes=True)
        self._commits = SharedCommits(self._writer)
        try:
            with self.in_words("opened"):
                prepare(self)
        except StateError:
            self.close()
            raise

    @property
    def url(self) -> sa.URL:
        """Where it is, with its password."""
        return self._url

    @property
    def told(self) -> str:
        """Where it is, in words for people: without a password."""
        return self._url.render_as_string(hide_password=True)

    @contextlib.contextmanager
    def in_words(self, what: str) -> Iterator[None]:
        """Raise StateError where the database fails: that it cannot be ``what``, such as ``opened``."""
        try:
            yield
        except (SQLAlchemyError, OSError, ValueError, TypeError) as error:
            # TypeError is sqlite3's word for an option of the URL that it does not know.
            raise _cannot_be(what, error, self._url, self.place) from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a transaction that only reads, and sees one moment from its first question to its last."""
        with self._reader.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a transaction that holds the write lock from its start (SQLite); committed at the end."""
        # SQLite's own queue is a poll with sleeps; ours is fair, and has one commit for many.
        with self._commits.member() if self._is_sqlite else self._writer.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def writing_alone(self) -> Iterator[sa.Connection]:
        """Give a writing transaction beside which no other of this kind runs, in whichever process."""
        with self.writing() as connection:
            self._lock_alone(connection)
            yield connection

    @contextlib.contextmanager
    def writing_beside(self) -> Iterator[sa.Connection]:
        """Give a writing transaction beside which others of this kind run, and none of ``writing_alone``."""
        with self.writing() as connection:
            if not self._is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(_ALONE)))
            yield connection

    @contextlib.contextmanager
    def migrating(self) -> Iterator[sa.Connection]:
        """Give a transaction as ``writing_alone``, in which SQLite lets go of a table that others refer to.

        It alters a table by making another in its place; within a transaction it does not take this setting.
        """
        queue = self._commits.alone() if self._is_sqlite else contextlib.nullcontext()
        with queue, self._writer.connect() as connection:
            self._refer(connection, "OFF")
            try:
                with connection.begin():
                    self._lock_alone(connection)
                    yield connection
            finally:
                self._refer(connection, "ON")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _lock_alone(self, connection: sa.Connection) -> None:
        if not self._is_sqlite:
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ALONE)))

    def _refer(self, connection: sa.Connection, setting: str) -> None:
        if self._is_sqlite:
            connection.connection.cursor().execute(f"PRAGMA foreign_keys = {setting}")


def insert_once(connection: sa.Connection, table: sa.Table, values: dict[str, Any]) -> bool:
    """Insert a row that another server may be inserting too; answer whether it was not there."""
    try:
        with connection.begin_nested():
            connection.execute(table.insert().values(values))
    except IntegrityError:
        return False
    return True


def _parsed(url: str, place: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError) as error:
        raise UsageError("not the URL of a database", where=place, hint=_URL_HINT) from error
    if parsed.drivername in ("postgres", "postgresql"):  # as most people write it
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in _DIALECTS:
        what = f"the server keeps its data in SQLite or PostgreSQL, not in: {parsed.get_backend_name()}"
        raise UsageError(what, where=place, hint=_URL_HINT)
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise UsageError("a database in memory forgets everything", where=place, hint=_URL_HINT)
    return parsed


def _engine(url: sa.URL, place: str) -> sa.Engine:
    try:
        if url.get_dialect().is_async:
            raise ArgumentError
        if url.get_backend_name() == "sqlite":
            return sa.create_engine(url)
        timeout = {} if "connect_timeout" in url.query else {"connect_timeout": _CONNECT_TIMEOUT_S}
        return sa.create_engine(url, connect_args=timeout, pool_pre_ping=True)
    except ImportError as error:
        raise UsageError(
            f"the driver of this database is not installed: {url.get_driver_name()}",
            where=place,
            hint="pip install 'envguard[postgres]', and a URL such as postgresql+psycopg://USER@HOST/NAME",
        ) from error
    except (ArgumentError, ValueError) as error:
        raise UsageError(f"{url.drivername} takes no such URL", where=place, hint=_URL_HINT) from error


def _cannot_be(what: str, error: Exception, url: sa.URL, place: str) -> StateError:
    if is_lock_wait(error):
        return StateError(
            "another process holds the database's tables",
            where=place,
            hint="start again in a minute; if an `envguard server migrate` runs, when that is done",
        )
    lines = str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__]
    cause = lines[0].rstrip(":")
    if url.password:
        cause = cause.replace(str(url.password), "***")
    if url.get_backend_name() == "sqlite":
        hint = "check that the file is there, writable and not damaged"
    else:
        hint = "check that PostgreSQL runs there, has this database, and lets this user in and make tables"
    return StateError(f"the database cannot be {what}: {cause}", where=place, hint=hint)


def _configure_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, not where sqlite3 guesses
    cursor = connection.cursor()
    for pragma in _SQLITE:
        cursor.execute(pragma)
    cursor.close()


def _configure_postgresql(connection: Any, _entry: ConnectionPoolEntry) -> None:
    with connection.cursor() as cursor:
        for statement in _POSTGRESQL:
            cursor.execute(statement)
    connection.commit()


def _begin(connection: sa.Connection) -> None:
    # A deferred transaction that reads and then writes fails at once when another one wrote in between.
    writes = connection.get_execution_options().get("envguard_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
