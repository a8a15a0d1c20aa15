"""Whether a database is sound: its file, its settings, and what its rows point to."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import sqlalchemy as sa

from envguard.server.store.schema import environments, facts, machines, snapshots

POSTGRESQL_AT_LEAST = 13
"""The oldest that we look after; what is used has been there for longer."""
_NAMED_AT_MOST = 5
_SYNCHRONOUS = ("OFF", "NORMAL", "FULL", "EXTRA")
_PROMISES = ("fsync", "full_page_writes")
"""Settings of PostgreSQL without which a crash of its machine may damage the database."""
_OURS = ("synchronous_commit", "idle_in_transaction_session_timeout", "lock_timeout")
"""Those that each of our connections sets for itself."""
_TELL_AGAIN = (
    "it tells them again after: UPDATE machines SET records_digest = NULL WHERE facts_digest = '{digest}'"
)
_BACKUP = "restore the last backup: what is damaged here is not all that may be"


class Fault(msgspec.Struct, frozen=True):
    """What is wrong, and what to do."""

    what: str
    hint: str


class Found(msgspec.Struct, frozen=True):
    """What a look found, in words."""

    words: str
    faults: tuple[Fault, ...] = ()


def engine_of(connection: sa.Connection) -> str:
    """Answer the program behind the database, with its version."""
    if connection.dialect.name == "sqlite":
        return f"SQLite {connection.exec_driver_sql('SELECT sqlite_version()').scalar_one()}"
    return f"PostgreSQL {connection.exec_driver_sql('SHOW server_version').scalar_one()}"


def integrity_of(connection: sa.Connection) -> Found:
    """Answer what SQLite finds in its own file; PostgreSQL keeps no such promise to ask for."""
    if connection.dialect.name != "sqlite":
        return Found("PostgreSQL's own")
    try:
        said = connection.exec_driver_sql("PRAGMA quick_check(5)").scalars().all()
    except sa.exc.DatabaseError as error:  # damaged where it looks for what it looks at
        said = [str(error.orig)]
    if said == ["ok"]:
        return Found("whole")
    return Found("damaged", tuple(Fault(f"the file is damaged: {_one_line(each)}", _BACKUP) for each in said))


def settings_of(connection: sa.Connection) -> Found:
    """Answer the settings on which the server's promises rest."""
    return (_sqlite if connection.dialect.name == "sqlite" else _postgresql)(connection)


def references_of(connection: sa.Connection) -> Found:
    """Answer the rows that point to nothing. Snapshots that nobody has sent yet are none of them."""
    faults = (*_broken_keys(connection), *_absent_facts(connection))
    missing = environments.outerjoin(snapshots, environments.c.snapshot == snapshots.c.digest)
    query = sa.select(sa.func.count(environments.c.snapshot.distinct())).select_from(missing)
    awaited = connection.execute(query.where(snapshots.c.digest.is_(None))).scalar_one()
    words = "broken" if faults else "whole"
    return Found(f"{words}; {awaited} snapshots not sent yet" if awaited else words, faults)


def _sqlite(connection: sa.Connection) -> Found:
    mode = str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())
    synchronous = _SYNCHRONOUS[connection.exec_driver_sql("PRAGMA synchronous").scalar_one()]
    faults = []
    if mode != "wal":
        hint = "move the database to a local file system: WAL needs shared memory"
        faults.append(Fault(f"readers wait for writers: journal_mode is {mode}, not wal", hint))
    return Found(f"journal_mode {mode}, synchronous {synchronous}", tuple(faults))


def _postgresql(connection: sa.Connection) -> Found:
    names = (*_PROMISES, *_OURS, "server_encoding")
    shown = {name: str(connection.exec_driver_sql(f"SHOW {name}").scalar_one()) for name in names}
    faults = [
        Fault(
            f"{name} is off: a crash of that machine may damage the database",
            f"set it on in postgresql.conf: {name} = on",
        )
        for name in _PROMISES
        if shown[name] == "off"
    ]
    if shown["server_encoding"] != "UTF8":
        what = f"the database's encoding is {shown['server_encoding']}, not UTF8"
        faults.append(Fault(what, "make another one: createdb --encoding UTF8 --template template0 NAME"))
    version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
    if version < POSTGRESQL_AT_LEAST:
        what = f"PostgreSQL {version} is older than {POSTGRESQL_AT_LEAST}"
        faults.append(Fault(what, "move the database to a newer one: pg_upgrade"))
    return Found(", ".join(f"{name} {value}" for name, value in shown.items()), tuple(faults))


def _broken_keys(connection: sa.Connection) -> Iterator[Fault]:
    """PostgreSQL lets nobody break a key; in a file of SQLite's other programs may."""
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    for table in sorted({str(row[0]) for row in broken}):
        count = sum(row[0] == table for row in broken)
        yield Fault(f"{count} rows of `{table}` point to rows that are not there", _BACKUP)


def _absent_facts(connection: sa.Connection) -> Iterator[Fault]:
    joined = machines.outerjoin(facts, machines.c.facts_digest == facts.c.digest)
    query = (
        sa.select(machines.c.name, machines.c.facts_digest)
        .select_from(joined)
        .where(machines.c.facts_digest.is_not(None), facts.c.digest.is_(None))
        .order_by(machines.c.name)
        .limit(_NAMED_AT_MOST)
    )
    for name, digest in connection.execute(query):
        yield Fault(f"the facts of machine {name} are not there", _TELL_AGAIN.format(digest=digest))


def _one_line(text: str) -> str:
    return text.splitlines()[0] if text else text
