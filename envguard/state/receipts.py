"""Receipts of runs: a folder for each, in a folder of the project that git does not see.

Rules
1. ``PROJECT/.envguard/runs/ID/receipt.json``. ``.envguard`` holds a ``.gitignore`` with ``*``. An ID begins
   with the time, so names are in the order of their runs.
2. A receipt is read by its owner alone, and is whole at any moment: written beside, and renamed into place.
3. A link is not followed where ``.envguard`` or what is in it should be: a repository may hold any link.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from datetime import datetime

from envguard.errors import StateError, UsageError

FOLDER = ".envguard"
RUNS = "runs"
RECEIPT = "receipt.json"
PYLOCK = "pylock.toml"
LIMIT_BYTES = 32 * 1024 * 1024
"""No receipt is larger."""

_MARKS = (".envguard.yaml", "pyproject.toml", ".git")
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


def project_folder(cwd: str) -> str:
    """Answer the folder whose receipts those of ``cwd`` are: of the project around it, or itself."""
    home = os.path.expanduser("~")
    folder = os.path.abspath(cwd)
    while folder not in (home, os.path.dirname(folder)):
        if any(os.path.lexists(os.path.join(folder, mark)) for mark in _MARKS):
            return folder
        folder = os.path.dirname(folder)
    return os.path.abspath(cwd)


def runs_folder(cwd: str) -> str:
    """Answer where the receipts of runs from ``cwd`` are."""
    return os.path.join(project_folder(cwd), FOLDER, RUNS)


def new_folder(cwd: str, at: datetime) -> str:
    """Make the folder of a new run, and answer it. Raises StateError where it cannot be made."""
    project = project_folder(cwd)
    own = os.path.join(project, FOLDER)
    try:
        if _make_folder(own):
            write_beside(own, ".gitignore", b"*\n", mode=0o644)
        _make_folder(os.path.join(own, RUNS))
        while True:
            name = f"{at:%Y-%m-%dT%H%M%S}.{at.microsecond // 1000:03}-{os.urandom(2).hex()}"
            folder = os.path.join(own, RUNS, name)
            if _make_folder(folder, 0o700):
                return folder
    except OSError as error:
        raise _unwritable(error, own) from error


def named_folder(folder: str) -> str:
    """Make the folder that somebody named for a receipt, and answer it.

    Raises UsageError where it holds one already, StateError where it cannot be made.
    """
    if os.path.lexists(os.path.join(folder, RECEIPT)):
        raise UsageError("there is a receipt already", where=folder, hint="name another folder")
    try:
        os.makedirs(os.path.dirname(os.path.abspath(folder)), exist_ok=True)
        _make_folder(folder, 0o700)
    except OSError as error:
        raise _unwritable(error, folder) from error
    return os.path.abspath(folder)


def write_beside(folder: str, name: str, content: bytes, *, mode: int = 0o600) -> None:
    """Write a file as a whole, by default for its owner alone. Raises OSError."""
    place = os.path.join(folder, name)
    temporary = f"{place}.{os.getpid()}"
    descriptor = os.open(temporary, _FLAGS, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, place)
    except OSError:
        os.unlink(temporary)
        raise


def write_receipt(folder: str, content: bytes) -> None:
    """Write the receipt of a run; raises StateError."""
    _write(folder, RECEIPT, content)


def write_pylock_beside(folder: str, text: str) -> None:
    """Write the lock beside a receipt; raises StateError."""
    _write(folder, PYLOCK, text.encode())


def read_receipt(folder: str) -> bytes | None:
    """Answer what a run's receipt says; None where there is none; raises StateError."""
    place = os.path.join(folder, RECEIPT)
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise StateError("no file", where=place)
            content = file.read(LIMIT_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StateError(f"cannot be read: {error.strerror or error}", where=place) from error
    if len(content) > LIMIT_BYTES:
        raise StateError("too large for a receipt", where=place)
    return content


def newest_first(cwd: str) -> Iterator[str]:
    """Yield the folders of a project's runs, the newest first."""
    folder = runs_folder(cwd)
    try:
        names = sorted(os.listdir(folder), reverse=True)
    except OSError:
        return
    yield from (os.path.join(folder, name) for name in names)


def beside(folder: str) -> Iterator[str]:
    """Yield the folders beside one, the last changed first."""
    parent = os.path.dirname(folder)
    try:
        with os.scandir(parent) as entries:
            found = [(each.stat(follow_symlinks=False).st_mtime_ns, each.path) for each in entries]
    except OSError:
        return
    yield from (path for _, path in sorted(found, reverse=True) if path != folder)


def _make_folder(place: str, mode: int = 0o777) -> bool:
    """Make a folder where there is none; whether it is new. OSError where something else is there."""
    try:
        os.mkdir(place, mode)
    except FileExistsError:
        if stat.S_ISDIR(os.lstat(place).st_mode):
            return False
        raise
    return True


def _write(folder: str, name: str, content: bytes) -> None:
    try:
        write_beside(folder, name, content)
    except OSError as error:
        raise _unwritable(error, folder) from error


def _unwritable(error: OSError, place: str) -> StateError:
    return StateError(
        f"no receipt can be written: {error.strerror or error}",
        where=place,
        hint="--receipt DIR names another folder, --no-receipt wants none",
    )
