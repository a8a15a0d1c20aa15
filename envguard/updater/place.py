"""The folder in which an environment is made: claimed, and then finished or cleared; never left half made.

Rules
1. It is not there, or empty, or holds what an earlier making left unfinished; all else is refused.
2. While it is unfinished it holds a folder that says so. In that lies a file that is locked (``flock``) by
   who makes it and by all children: who comes later sees whether somebody is still at work.
3. What was left unfinished, by a power cut or ``kill -9``, is swept by the next who claims the folder.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress

from envguard.errors import StateError, UsageError

UNFINISHED = ".envguard-unfinished"
"""The folder that says so; it also holds what is needed for the work."""

_LOCK = "lock"
_HINT = "--into DIR names another folder"
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


class Place:
    """A folder that is this process's to fill."""

    def __init__(self, folder: str, *, new: Sequence[str], was_swept: bool, lock: int) -> None:
        """Take what :func:`claim` made; ``new`` are the folders that were not there, the innermost first."""
        self.folder = folder
        self.was_swept = was_swept
        self.lock = lock
        self._new = tuple(new)

    @property
    def work(self) -> str:
        """Where files of the work may lie, for the owner alone."""
        return os.path.join(self.folder, UNFINISHED)

    def finish(self) -> None:
        """Say that the folder is whole."""
        shutil.rmtree(self.work)
        os.close(self.lock)

    def clear(self) -> None:
        """Take back all that was made; where something cannot be removed, it stays marked as unfinished."""
        try:
            _sweep(self.folder)
        except OSError:
            os.close(self.lock)
            return
        shutil.rmtree(self.work, ignore_errors=True)
        os.close(self.lock)
        for each in self._new:
            with suppress(OSError):  # somebody put something there meanwhile
                os.rmdir(each)


def claim(folder: str) -> Place:
    """Answer the folder, made if need be and empty.

    Raises UsageError where something else is there, StateError where none can be made or somebody is at work.
    """
    try:
        return _claimed(folder)
    except OSError as error:
        raise StateError(f"cannot be made: {error.strerror or error}", where=folder, hint=_HINT) from error


def _claimed(folder: str) -> Place:
    new = list(_absent(folder))
    if not new and not stat.S_ISDIR(os.lstat(folder).st_mode):
        raise UsageError("there is something already that is no folder", where=folder, hint=_HINT)
    os.makedirs(folder, exist_ok=True)
    marker = os.path.join(folder, UNFINISHED)
    if not os.path.lexists(marker):
        if os.listdir(folder):
            raise UsageError("the folder is there, and not empty", where=folder, hint=_HINT)
        os.mkdir(marker, 0o700)
    status = os.lstat(marker)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise UsageError(f"`{UNFINISHED}` in it is not of your making", where=folder, hint=_HINT)
    lock = _locked(os.path.join(marker, _LOCK), folder)
    was_swept = len(os.listdir(folder)) > 1
    try:
        _sweep(folder)
    except OSError:
        os.close(lock)
        raise
    return Place(folder, new=[folder] if was_swept else new, was_swept=was_swept, lock=lock)


def _absent(folder: str) -> Iterator[str]:
    while not os.path.lexists(folder):
        yield folder
        folder = os.path.dirname(folder)


def _locked(path: str, folder: str) -> int:
    """The lock's descriptor. Raises StateError where somebody has it, or the folder is finished meanwhile."""
    lock = os.open(path, _FLAGS, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(path).st_ino == os.fstat(lock).st_ino:
            return lock
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.ENOENT):
            os.close(lock)
            raise
    os.close(lock)
    raise StateError("somebody is making an environment there", where=folder, hint=_HINT)


def _sweep(folder: str) -> None:
    """Remove all but what says that it is unfinished; no link is followed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == UNFINISHED:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
