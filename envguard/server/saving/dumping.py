"""A database as one file, at one moment, while servers write to it.

SQLite's own backup copies pages within one reading transaction, so what is written meanwhile neither disturbs
it nor begins it anew. PostgreSQL's own programs do the same; a password is handed to them in their
environment, which only their user can read, and never as an argument.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path

import sqlalchemy as sa

from envguard.errors import StateError, UsageError
from envguard.server.saving.archive import DatabaseKind, Report
from envguard.server.store.database import Database
from envguard.server.store.revision import revision_of
from envguard.server.store.size import size_bytes

_PAGES = 1024
_LOOK_EVERY_S = 0.5
_OPTIONS = ("--no-owner", "--no-privileges")
"""Another user may own what is restored."""


def kind_of(database: Database) -> DatabaseKind:
    """Answer which of the two it is."""
    with database.reading() as connection:
        return "sqlite" if connection.dialect.name == "sqlite" else "postgresql"


def dump(database: Database, target: Path, report: Report) -> str:
    """Write the database into a file, and answer the revision of its tables; raises StateError."""
    with database.in_words("backed up"), database.reading() as connection:
        revision = revision_of(connection)  # in SQLite, from here on this one moment is seen
        if revision is None:
            raise StateError("there are no tables of a server in it", where=database.place)
        if connection.dialect.name == "sqlite":
            _copy_pages(connection, target, report)
            return revision
        total = size_bytes(connection)
    arguments, environ = _connected(database.url)
    command = [_program("pg_dump"), "--format=custom", *_OPTIONS, f"--file={target}", *arguments]
    _run(command, environ, database, lambda: report("dumping", _size(target), max(total, _size(target))))
    return revision


def load_postgresql(database: Database, dumped: Path, before: Sequence[str], report: Report) -> None:
    """Run statements, and then make all that a dump holds, in one transaction; raises StateError."""
    arguments, environ = _connected(database.url)
    script, prelude = dumped.with_suffix(".sql"), dumped.with_suffix(".before.sql")
    prelude.write_text("".join(f"{each};\n" for each in before), encoding="utf-8")
    _run([_program("pg_restore"), *_OPTIONS, f"--file={script}", str(dumped)], {}, database, lambda: None)
    # psql and not pg_restore, so that what was there is moved aside in the same transaction.
    command = [_program("psql"), "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1"]
    files = [f"--file={prelude}", f"--file={script}"]
    _run(
        [*command, *files, "--output=/dev/null", *arguments],
        environ,
        database,
        lambda: report("loading", 0, 1),
    )


def _copy_pages(connection: sa.Connection, target: Path, report: Report) -> None:
    source = connection.connection.driver_connection
    assert isinstance(source, sqlite3.Connection)  # noqa: S101 - as the dialect says
    with closing(sqlite3.connect(target)) as copy:
        source.backup(copy, pages=_PAGES, progress=lambda _, left, of: report("copying", of - left, of))
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise StateError(
            f"the database is damaged: {found}",
            where=connection.engine.url.database,
            hint="envguard server check says more; a backup of before may be restored",
        )
    target.chmod(0o600)
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _connected(url: sa.URL) -> tuple[list[str], dict[str, str]]:
    """Answer how PostgreSQL's programs are told of a database: arguments, and what is secret."""
    from psycopg.conninfo import make_conninfo

    named = url.translate_connect_args(username="user", database="dbname")
    queried = {key: value if isinstance(value, str) else ",".join(value) for key, value in url.query.items()}
    words = {key: str(value) for key, value in {**named, **queried}.items()}
    password = words.pop("password", None)
    secret = {} if password is None else {"PGPASSWORD": password}
    return [f"--dbname={make_conninfo(**words)}", "--no-password"], secret


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise UsageError(
            f"PostgreSQL's own program is not installed here: {name}",
            hint="apt install postgresql-client; it must be as new as the server, or newer",
        )
    return found


def _run(
    command: list[str], environ: Mapping[str, str], database: Database, look: Callable[[], None]
) -> None:
    settings = {**os.environ, **environ, "PGCONNECT_TIMEOUT": "10"}
    with subprocess.Popen(
        command, env=settings, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as child:
        try:
            said = _what_it_says(child, look)
        except BaseException:
            child.kill()
            raise
    if child.returncode:
        words = said.decode("utf-8", "replace").strip().splitlines() or [f"exit code {child.returncode}"]
        raise StateError(f"{Path(command[0]).name} failed: {words[0]}", where=database.told)


def _what_it_says(child: subprocess.Popen[bytes], look: Callable[[], None]) -> bytes:
    while True:
        with suppress(subprocess.TimeoutExpired):
            return child.communicate(timeout=_LOOK_EVERY_S)[1]
        look()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
