"""The server's state folder: its own, readable by nobody else; the admin's token is in it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from envguard.errors import StateError
from envguard.server.saving.putting import finish
from envguard.server.store.access import add_admin_token
from envguard.server.store.database import Database
from envguard.server.store.preparing import Prepare
from envguard.server.tokens import digest_of_secret, new_secret

DATABASE_FILE = "envguard.db"
ADMIN_TOKEN_FILE = "admin-token"  # noqa: S105 - a file's name


def prepare_state(state: Path) -> None:
    """Make the folder, for its owner only; raises StateError."""
    try:
        if state.exists() and not state.is_dir():
            raise NotADirectoryError(20, "Not a directory")
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        if stat.S_IMODE(state.stat().st_mode) & 0o077:
            _close_to_others(state)
        if not os.access(state, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise StateError(
            f"the state folder cannot be used: {error.strerror}",
            where=str(state),
            hint="name a folder that is yours: envguard server --state DIR",
        ) from error


def sqlite_url(state: Path) -> str:
    """Make the database's file, for its owner only, and answer its SQLAlchemy URL."""
    path = state.absolute() / DATABASE_FILE
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StateError(
            f"the database cannot be opened: {error.strerror}",
            where=str(path),
            hint="run the server as the user that owns its state folder",
        ) from error
    from sqlalchemy import URL

    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def open_database(state: Path, url: str | None = None) -> Database:
    """Answer the database of this URL, else SQLite in the state folder, which is made; raises as both do.

    A database that cannot be had leaves no folder behind.
    """
    if url is None:
        prepare_state(state)
        finish(state)
        return Database(sqlite_url(state), place=str(state / DATABASE_FILE))
    opened = Database(url)
    try:
        prepare_state(state)
        finish(state)
    except StateError:
        opened.close()
        raise
    return opened


def open_existing(state: Path, url: str | None, prepare: Prepare) -> Database:
    """Answer a database that is there already, with its tables as ``prepare`` leaves them.

    Nothing is made: a state folder that was misspelt would look like an empty team.
    """
    if url is not None:
        return Database(url, prepare=prepare)
    finish(state)
    path = state / DATABASE_FILE
    if not path.is_file():
        raise StateError(
            "there is no database of a server",
            where=str(path),
            hint="name the server's folder, --state DIR, or its database, --database URL",
        )
    return Database(sqlite_url(state), place=str(path), prepare=prepare)


def admin_token_file(state: Path, database: Database, now_s: float) -> Path:
    """Answer the file of the admin's token, made at the first start; the database lets that token in."""
    path = state / ADMIN_TOKEN_FILE
    try:
        token = _read_token(path)
        if token is None:
            token = new_secret("admin")
            _write_token(path, token)
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(
            f"the admin's token cannot be kept: {getattr(error, 'strerror', None) or 'not text'}",
            where=str(path),
            hint="move the file away and start again: a new token is made",
        ) from error
    with database.writing() as connection:
        add_admin_token(connection, digest_of_secret(token), now_s)
    return path


def _close_to_others(state: Path) -> None:
    names = {entry.name for entry in state.iterdir()}
    if names and not names & {DATABASE_FILE, ADMIN_TOKEN_FILE}:
        raise StateError(
            "others may read this folder, and it holds what is not the server's",
            where=str(state),
            hint="name a folder of its own: envguard server --state DIR",
        )
    state.chmod(0o700)


def _read_token(path: Path) -> str | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, encoding="utf-8") as file:
        token = file.read(1000).strip()
    if not token:
        path.unlink()  # a start was cut off between making the file and filling it
    return token or None


def _write_token(path: Path, token: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(token + "\n")
        file.flush()
        os.fsync(file.fileno())
