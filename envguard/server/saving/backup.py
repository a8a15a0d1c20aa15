"""``server backup`` and ``server restore``: the whole of each, step by step.

Rules
1. A backup holds the database at one moment after it began, and what nobody can make again of the state.
2. Restoring looks at the whole archive before it changes anything, and takes no archive of a newer version.
3. It takes no state that is not empty, unless it is forced to: then what was there is kept aside. It never
   takes one on which a server runs.
"""

from __future__ import annotations

import contextlib
import shutil
from datetime import datetime
from pathlib import Path

import msgspec
import sqlalchemy as sa

from envguard import __version__
from envguard.errors import StateError, UsageError
from envguard.report.upkeep import BackupDocument, RestoreDocument
from envguard.server.saving import putting
from envguard.server.saving.archive import (
    DATABASE_PARTS,
    Manifest,
    Report,
    part_of,
    read_manifest,
    staging,
    unpack,
    write_archive,
)
from envguard.server.saving.dumping import dump, kind_of, load_postgresql
from envguard.server.saving.putting import STATE_PARTS
from envguard.server.state import DATABASE_FILE, open_existing, prepare_state
from envguard.server.store.database import Database
from envguard.server.store.leases import any_holder
from envguard.server.store.preparing import leave
from envguard.server.store.revision import refuse_unknown
from envguard.server.store.schema import HEAD, leases, metadata
from envguard.state.files import read_document, write_document

_LAST_FILE = "last-backup.json"
_STAMP = "%Y%m%dT%H%M%SZ"


class LastBackup(msgspec.Struct, frozen=True, kw_only=True):
    """What the state folder remembers of the last backup."""

    made_at: datetime
    file: str


def last_backup(state: Path) -> LastBackup | None:
    """Answer the last backup that was taken of this state folder; None where none is known."""
    return read_document(state / _LAST_FILE, LastBackup)


def back_up(target: Path, state: Path, url: str | None, *, now: datetime, report: Report) -> BackupDocument:
    """Write a backup to a file, or into a folder; raises UsageError and StateError."""
    path = target / f"envguard-{now:{_STAMP}}.backup" if target.is_dir() else target
    with contextlib.closing(open_existing(state, url, leave)) as database, staging(path) as folder:
        kind = kind_of(database)
        dumped = folder / DATABASE_PARTS[kind]
        revision = dump(database, dumped, report)
        for name in STATE_PARTS:
            if (state / name).exists():
                shutil.copyfile(state / name, folder / name)
        parts = tuple(
            part_of(folder / name, report) for name in (dumped.name, *STATE_PARTS) if (folder / name).exists()
        )
        manifest = Manifest(made_at=now, envguard=__version__, kind=kind, revision=revision, parts=parts)
        size = write_archive(path, folder, manifest, report)
        told = database.told
    if state.is_dir():
        write_document(state / _LAST_FILE, LastBackup(made_at=now, file=str(path.absolute())))
    return BackupDocument(
        file=str(path),
        made_at=now,
        database=told,
        kind=kind,
        revision=revision,
        size_bytes=size,
        parts=tuple(part.name for part in parts),
    )


def restore(
    archive: Path, state: Path, url: str | None, *, is_forced: bool, now: datetime, report: Report
) -> RestoreDocument:
    """Make a server's state and database of a backup; raises UsageError, StateError."""
    manifest = read_manifest(archive)
    refuse_unknown(manifest.revision, HEAD, str(archive))
    _hold_to_kind(manifest, url)
    prepare_state(state)
    putting.finish(state)
    aside = f"before-restore-{now:{_STAMP}}"
    _refuse_full(state, putting.what_is_there(state), is_forced=is_forced)
    with contextlib.ExitStack() as stack:
        database = None
        if url is not None:
            database = stack.enter_context(contextlib.closing(Database(url, prepare=leave)))
            _refuse_full(database.told, _tables(database), is_forced=is_forced)
            _refuse_running(database)
        elif (state / DATABASE_FILE).exists():
            with contextlib.closing(open_existing(state, None, leave)) as old:
                _refuse_running(old)
        folder = putting.begin(state)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        unpack(archive, folder, report)
        if database is not None:
            _load(database, folder, aside, report)
        kept = putting.commit(state, aside)
    return RestoreDocument(
        state=str(state),
        database=str(state / DATABASE_FILE) if database is None else database.told,
        made_at=manifest.made_at,
        revision=manifest.revision,
        aside=None if kept is None else str(kept),
    )


def _load(database: Database, folder: Path, aside: str, report: Report) -> None:
    dumped = folder / DATABASE_PARTS["postgresql"]
    before: tuple[str, ...] = ()
    if _tables(database):
        schema = aside.replace("-", "_").lower()
        before = (f"ALTER SCHEMA public RENAME TO {schema}", "CREATE SCHEMA public")
    load_postgresql(database, dumped, before, report)
    for each in folder.glob(f"{dumped.stem}.*"):
        each.unlink()


def _hold_to_kind(manifest: Manifest, url: str | None) -> None:
    is_postgresql = url is not None and sa.make_url(url).get_backend_name() in ("postgresql", "postgres")
    if manifest.kind == "sqlite" and url is not None:
        raise UsageError(
            "the backup is of SQLite, which is restored into the state folder",
            where="--database",
            hint="leave it away",
        )
    if manifest.kind == "postgresql" and not is_postgresql:
        raise UsageError(
            "the backup is of PostgreSQL, and needs an empty database there",
            where="--database",
            hint="createdb envguard; envguard server restore FILE --database postgresql+psycopg://HOST/envguard",
        )


def _refuse_full(place: Path | str, found: tuple[str, ...], *, is_forced: bool) -> None:
    if found and not is_forced:
        raise UsageError(
            f"there is a server's state already: {', '.join(found[:3])}",
            where=str(place),
            hint="name an empty one; or --force, which keeps what is there aside",
        )


def _refuse_running(database: Database) -> None:
    """Look for a server that holds a lease: one that was killed seems to run for a minute yet."""
    if leases.name not in _tables(database):
        return
    with database.in_words("read"), database.reading() as connection:
        holder = any_holder(connection)
    if holder is not None:
        raise StateError(
            f"a server runs on it: {holder}",
            where=database.told,
            hint="stop it first; where it was killed, wait a minute",
        )


def _tables(database: Database) -> tuple[str, ...]:
    with database.in_words("read"), database.reading() as connection:
        there = set(sa.inspect(connection).get_table_names())
    return tuple(name for name in metadata.tables if name in there)
