"""Puts restored files into a state folder, so that a kill at any moment leaves the old ones or the new ones.

The files wait in a folder within, whose name says how far it is:

1. ``.restore-1``: they are being written. Nobody looks at them, and the next restoring removes them.
2. ``.restore-2``: they are whole. The old files are moved aside.
3. ``.restore-3``: the old ones are away. The new ones are moved in.

From the second on it is finished by whoever opens the folder next, be it a server.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from envguard.errors import StateError
from envguard.state.files import sync_folder

STATE_PARTS = ("admin-token", "ca.pem", "ca-key.pem")
"""What cannot be made again: machines are pinned to the authority, people know the token."""

DATABASE_FILES = ("envguard.db", "envguard.db-wal", "envguard.db-shm")
"""They belong together: a log beside another database would damage that one."""

REPLACED = (*DATABASE_FILES, *STATE_PARTS, "tls.pem")
_WRITTEN, _WHOLE, _ALONE = ".restore-1", ".restore-2", ".restore-3"
_ASIDE = "aside"


def what_is_there(state: Path) -> tuple[str, ...]:
    """Answer which files of a server are in the folder."""
    return tuple(name for name in REPLACED if os.path.lexists(state / name))


def begin(state: Path) -> Path:
    """Answer an empty folder for the new files."""
    folder = state / _WRITTEN
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder


def commit(state: Path, aside: str) -> Path | None:
    """Put the new files into place; answer the folder of that name with the old ones, None without any."""
    had = what_is_there(state)
    (state / _WRITTEN / _ASIDE).write_text(aside, encoding="ascii")
    if os.geteuid() == 0:  # root restores what another user's server is to read
        owner = state.stat()
        for path in (state / _WRITTEN, *(state / _WRITTEN).iterdir()):
            os.chown(path, owner.st_uid, owner.st_gid)
    sync_folder(state / _WRITTEN)
    (state / _WRITTEN).rename(state / _WHOLE)
    sync_folder(state)
    finish(state)
    return state / aside if had else None


def finish(state: Path) -> None:
    """Go on where a restoring was cut off; raises StateError."""
    try:
        if (state / _WHOLE).is_dir():
            _move_old_aside(state)
        if (state / _ALONE).is_dir():
            _move_new_in(state)
    except OSError as error:
        raise StateError(
            f"a restoring that was cut off cannot be finished: {error.strerror or error}",
            where=str(error.filename or state),
            hint="make room, or mend the folder's permissions, and start again",
        ) from error


def _move_old_aside(state: Path) -> None:
    aside = state / (state / _WHOLE / _ASIDE).read_text(encoding="ascii")
    for name in what_is_there(state):
        aside.mkdir(mode=0o700, exist_ok=True)
        (state / name).rename(aside / name)
    sync_folder(state)
    (state / _WHOLE).rename(state / _ALONE)
    sync_folder(state)


def _move_new_in(state: Path) -> None:
    for name in REPLACED:
        if (state / _ALONE / name).exists():
            (state / _ALONE / name).rename(state / name)
    sync_folder(state)
    shutil.rmtree(state / _ALONE)
