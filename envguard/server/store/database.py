"""The connection to the database: SQLite that never loses what it acknowledged, or any other by its URL."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from envguard.errors import StateError, UsageError
from envguard.server.store.schema import SCHEMA_VERSION, metadata, schema_version

_PRAGMAS = (
    "PRAGMA busy_timeout = 30000",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)


class Database:
    """Gives transactions; what a ``writing`` block did is on disk when the block has ended."""

    def __init__(self, url: str) -> None:
        """Connect to an SQLAlchemy URL and make the tables; raises UsageError or StateError."""
        try:
            self._engine = sa.create_engine(url)
        except (ArgumentError, ModuleNotFoundError, ValueError) as error:
            raise UsageError(
                "not a database that can be used",
                where="--database",
                hint="for PostgreSQL: pip install 'envguard[postgres]', then postgresql+psycopg://HOST/NAME",
            ) from error
        self._is_sqlite = self._engine.dialect.name == "sqlite"
        self._one_writer = threading.Lock()
        if self._is_sqlite:
            sa.event.listen(self._engine, "connect", _configure)
            sa.event.listen(self._engine, "begin", _begin)
        self._writer = self._engine.execution_options(envguard_writes=True)
        self._prepare()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a transaction that only reads."""
        with self._engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a transaction that holds the write lock from its start (SQLite); committed at the end."""
        # SQLite's own queue is a poll with sleeps; ours is fair.
        queue = self._one_writer if self._is_sqlite else contextlib.nullcontext()
        with queue, self._writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _prepare(self) -> None:
        try:
            with self.writing() as connection:
                _check_version(connection)
                metadata.create_all(connection)
                if connection.scalar(sa.select(schema_version.c.version)) is None:
                    connection.execute(schema_version.insert().values(version=SCHEMA_VERSION))
        except SQLAlchemyError as error:
            self.close()
            cause = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise StateError(
                f"the database cannot be opened: {cause}",
                where="database",
                hint="check that it is there, writable and not damaged",
            ) from error
        except StateError:
            self.close()
            raise


def insert_once(connection: sa.Connection, table: sa.Table, values: dict[str, Any]) -> bool:
    """Insert a row that another server may be inserting too; answer whether it was not there."""
    try:
        with connection.begin_nested():
            connection.execute(table.insert().values(values))
    except IntegrityError:
        return False
    return True


def _check_version(connection: sa.Connection) -> None:
    if not sa.inspect(connection).has_table(schema_version.name):
        return
    version = connection.scalar(sa.select(sa.func.max(schema_version.c.version)))
    if version is not None and version > SCHEMA_VERSION:
        raise StateError(
            f"the database was written by a newer envguard: schema {version}, not {SCHEMA_VERSION}",
            where="database",
            hint="pip install --upgrade envguard",
        )


def _configure(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin where `_begin` says, not where sqlite3 guesses
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    # A deferred transaction that reads and then writes fails at once when another one wrote in between.
    writes = connection.get_execution_options().get("envguard_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
