"""What waits on this machine to be sent to the server, one file each, until it was.

Rules
1. ``STATE/outbox/UID`` holds what one user handed on; an agent sends what is in all of them. The folders are
   0700, the files 0600.
2. A file is named by when it was put there, and by what it is of: more of the same takes the place of what
   was there, under another name, so that who sends the old one does not remove the new one. What has an end
   says so in its name, and gives way to nothing that has none: who hands a start on may be slower than the
   run.
3. At most ``COUNT`` files and ``BYTES`` bytes are kept of one user: the oldest goes first, and that is told.
4. Nothing is synced: what a power cut leaves torn is no message, and is thrown away by who reads it. What
   ``kill -9`` leaves half written has a name with a dot, and is swept an hour later.
5. One sends, and one more waits to do so: of hundreds of runs that begin at once no more need a process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from envguard.errors import StateError
from envguard.state.files import open_lock

COUNT = 200
BYTES = 8 * 1024 * 1024
ITEM_BYTES = 1024 * 1024
"""Nothing that waits is larger."""

_FOLDER = "outbox"
_LOCK = "lock"
_QUEUE = "queue"
_NAME = re.compile(r"(?P<at>[0-9]{20})-(?P<key>[0-9a-f]{32})(?P<end>-end)?", re.ASCII)
_HALF_WRITTEN = re.compile(rf"\.{_NAME.pattern}\.[0-9]+", re.ASCII)
_WRITTEN_WITHIN_NS = 3600 * 10**9
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class Waiting(NamedTuple):
    """One file that waits."""

    name: str
    key: str
    is_ended: bool


class Outbox:
    """What one user's runs left to be sent. Open it with :func:`outbox_of`."""

    def __init__(self, folder: Path) -> None:
        """``folder`` need not be there."""
        self._folder = folder

    def put(self, key: str, content: bytes, *, at_ns: int, is_ended: bool = False) -> int:
        """Let this wait in the place of what waits of the same; answer how many older ones were dropped.

        ``is_ended``: nothing but another end says more. Raises StateError where it cannot be kept.
        """
        if len(content) > ITEM_BYTES:
            raise StateError(f"too large to be kept for the server: {len(content)} bytes")
        try:
            for folder in (*reversed(self._folder.parents[:2]), self._folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            name = f"{at_ns:020}-{key}{'-end' if is_ended else ''}"
            self._write(name, content)
            self._sweep(before_ns=at_ns - _WRITTEN_WITHIN_NS)
            for each in self.waiting():
                if each.key == key and each.name < name and (is_ended or not each.is_ended):
                    self.remove(each.name)
            return self._drop_what_is_too_much()
        except OSError as error:
            where = str(self._folder)
            raise StateError(f"cannot be written: {error.strerror or error}", where=where) from error

    def waiting(self) -> list[Waiting]:
        """Answer what waits, the oldest first."""
        try:
            names = sorted(each.name for each in self._folder.iterdir())
        except OSError:
            return []
        found = filter(None, map(_NAME.fullmatch, names))
        return [Waiting(each[0], each["key"], each["end"] is not None) for each in found]

    def read(self, name: str) -> bytes | None:
        """Answer what waits under this name; None where nothing does any more, or it cannot be read."""
        try:
            with (self._folder / name).open("rb") as file:
                return file.read(ITEM_BYTES + 1)
        except OSError:
            return None

    def remove(self, name: str) -> None:
        """Let it wait no more."""
        with contextlib.suppress(OSError):
            (self._folder / name).unlink()

    @contextlib.contextmanager
    def only_sender(self) -> Iterator[None]:
        """Hold the lock of who sends, which is waited for. Raises StateError where there is no outbox.

        Where the file system has no locks there is none: then two may send the same, which does no harm.
        """
        with self._locked(_LOCK, fcntl.LOCK_EX):
            yield

    @contextlib.contextmanager
    def next_sender(self) -> Iterator[None]:
        """Likewise, but StateError also where somebody waits already: that one will send all there is."""
        with contextlib.ExitStack() as held:
            with self._locked(_QUEUE, fcntl.LOCK_EX | fcntl.LOCK_NB):
                held.enter_context(self._locked(_LOCK, fcntl.LOCK_EX))
            yield

    @contextlib.contextmanager
    def _locked(self, name: str, operation: int) -> Iterator[None]:
        with open_lock(self._folder / name) as descriptor:
            try:
                fcntl.flock(descriptor, operation)
            except BlockingIOError as error:
                raise StateError("another process is about to send", where=str(self._folder)) from error
            except OSError:
                pass  # no locks are to be had there
            yield

    def _write(self, name: str, content: bytes) -> None:
        temporary = self._folder / f".{name}.{os.getpid()}"
        descriptor = os.open(temporary, _FLAGS, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            temporary.rename(self._folder / name)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def _sweep(self, *, before_ns: int) -> None:
        for each in self._folder.iterdir():
            found = _HALF_WRITTEN.fullmatch(each.name)
            if found is not None and int(found["at"]) < before_ns:
                self.remove(each.name)

    def _drop_what_is_too_much(self) -> int:
        waiting = self.waiting()
        sizes = [self._size(each.name) for each in waiting]
        dropped = 0
        while len(waiting) - dropped > COUNT or sum(sizes[dropped:]) > BYTES:
            self.remove(waiting[dropped].name)
            dropped += 1
        return dropped

    def _size(self, name: str) -> int:
        try:
            return (self._folder / name).stat().st_size
        except OSError:
            return 0


def outbox_of(state: Path, uid: int) -> Outbox:
    """Answer what one user's runs left to be sent, in a state directory."""
    return Outbox(state / _FOLDER / str(uid))


def all_outboxes(state: Path) -> list[Outbox]:
    """Answer those of all users, in a state directory."""
    try:
        names = sorted(each.name for each in (state / _FOLDER).iterdir())
    except OSError:
        return []
    return [Outbox(state / _FOLDER / name) for name in names if name.isdecimal()]
