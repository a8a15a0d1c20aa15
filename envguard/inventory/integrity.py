"""Which packages have files that changed after they were installed, told by each one's RECORD.

Rules
1. A file is modified where its size is another than the recorded one or, looked at closely, its content is; a
   file that is gone, or is no regular file any more, is modified too. Times and permissions do not matter.
2. A package without a RECORD of its installer's says nothing of its files: Debian's, conda's, an egg-info.
3. A file that several packages installed is whole as long as it is what one of them recorded. That is looked
   for afterwards, in a time of its own; what is undecided by its end is unchecked.
4. What a RECORD names outside the prefix of its site folder is not looked at. A link is followed wherever the
   owner may go: ``uv --link-mode symlink`` makes them.
5. What cannot be read, or moves while it is read (an upgrade runs), makes its package ``unchecked``; so does
   the end of the time, and a RECORD whose rows cannot be understood. Unchecked is never modified, and never
   whole; what else can be checked of the package is.
6. A row of code without a hash is no gap where that is a link: ``flit install --symlink`` makes them.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.environment import Environment, Integrity
from envguard.inventory.files import shown
from envguard.inventory.record_file import RecordError, Row, Unclear, read_record
from envguard.inventory.recorded import Recorded, recorded_in

if TYPE_CHECKING:
    from datetime import datetime

FILES_CAP = 20
"""So many changed files of a package are named."""

_CHUNK_BYTES = 1024 * 1024
_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})

Differs = Callable[[Recorded, Row, str], bool]
"""Whether the file at a path is another than its row says; OSError where that cannot be told."""


_Moment = tuple[int, int, int, int, int]


class _TimeIsOverError(Exception):
    """What was not looked at yet stays unchecked."""


class _Inspected(msgspec.Struct, frozen=True):
    recorded: Recorded
    changed: tuple[tuple[str, str], ...]
    """Place and path of each."""
    is_whole: bool


class _SecondLook(msgspec.Struct, frozen=True):
    innocent: set[str]
    """Paths of files that differ from one RECORD and are as another has them."""
    is_whole: bool
    """Whether all were looked for in all RECORDs."""


def check_sizes(
    environment: Environment,
    *,
    now: datetime,
    is_over: Callable[[], bool] = lambda: False,
    is_late: Callable[[], bool] = lambda: False,
) -> Integrity:
    """Answer what changed in size or is gone: fast, and blind to an edit that keeps a file's length.

    ``is_over`` ends the look at all files, ``is_late`` the second one at those that differ (rule 3). Raises
    InventoryError where there is no such environment any more.
    """
    recorded = recorded_in(environment, is_over)
    inspected = [_inspect(each, has_other_size, is_over) for each in recorded]
    return _integrity(inspected, _second_look(inspected, has_other_size, is_late), now)


def check_hashes(
    environment: Environment,
    *,
    now: datetime,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    is_over: Callable[[], bool] = lambda: False,
    is_late: Callable[[], bool] = lambda: False,
    first: Sequence[str] = (),
) -> Integrity:
    """Answer what changed in size or content.

    ``progress`` hears of bytes that are done and bytes in all. ``first`` names packages to begin with: those
    for which the time did not suffice before. The times and the errors are as of :func:`check_sizes`.
    """
    recorded = sorted(recorded_in(environment, is_over), key=lambda one: one.name not in first)
    hashing = _Hashing(_total_bytes(recorded, is_over), progress, is_over)
    inspected = [_inspect(each, hashing.differs, is_over) for each in recorded]
    progress(hashing.done_bytes, hashing.total_bytes)
    again = _Hashing(0, lambda _done, _total: None, is_late, hashing.known)
    return _integrity(inspected, _second_look(inspected, again.differs, is_late), now)


def has_other_size(recorded: Recorded, row: Row, path: str) -> bool:
    """Whether a file is gone, no regular one, or of another size than its row says."""
    try:
        status = recorded.status_of(path)
    except OSError as error:
        if error.errno in _GONE:
            return True
        raise
    return not stat.S_ISREG(status.st_mode) or row.size_bytes not in (None, status.st_size)


class _Hashing:
    """Compares content, and counts the bytes.

    What differs is hashed once by an algorithm, however many rows name it.
    """

    def __init__(
        self,
        total_bytes: int,
        progress: Callable[[int, int], None],
        is_over: Callable[[], bool],
        known: dict[tuple[_Moment, str], bytes] | None = None,
    ) -> None:
        self.total_bytes = total_bytes
        self.known = {} if known is None else known
        self._progress = progress
        self._is_over = is_over
        self.done_bytes = 0
        self._told = 0

    def differs(self, recorded: Recorded, row: Row, path: str) -> bool:
        """Whether the file is another than its row says."""
        before = self.done_bytes
        try:
            return has_other_size(recorded, row, path) or self._has_other_content(recorded, row, path)
        finally:
            self.done_bytes = before + (row.size_bytes or 0)

    def _has_other_content(self, recorded: Recorded, row: Row, path: str) -> bool:
        descriptor = recorded.reader.open(path)
        try:
            moment = _moment(os.fstat(descriptor))
            known = self.known.get((moment, row.algorithm))
            if known is not None:
                return known != row.digest
            digest = self._digest(descriptor, row.algorithm)
            if digest == row.digest:
                return False
            if _moment(os.fstat(descriptor)) != moment:
                raise OSError(errno.ESTALE, "changed while it was read", path)
            self.known[moment, row.algorithm] = digest
            return True
        finally:
            os.close(descriptor)

    def _digest(self, descriptor: int, algorithm: str) -> bytes:
        digest = hashlib.new(algorithm)
        while chunk := os.read(descriptor, _CHUNK_BYTES):
            if self._is_over():
                raise _TimeIsOverError
            digest.update(chunk)
            self._advance(len(chunk))
        return digest.digest()

    def _advance(self, count: int) -> None:
        self.done_bytes += count
        if self.done_bytes - self._told >= _CHUNK_BYTES:
            self._told = self.done_bytes
            self._progress(self.done_bytes, self.total_bytes)


def _inspect(recorded: Recorded, differs: Differs, is_over: Callable[[], bool]) -> _Inspected:
    """What changed of one package; not whole where something could not be told, or time ran out."""
    changed: list[tuple[str, str]] = []
    is_whole = True
    try:
        before = _moment(os.stat(recorded.record))
        for row, path in _rows(recorded):
            if is_over():
                raise _TimeIsOverError
            try:
                if isinstance(row, Unclear):
                    is_whole = is_whole and not row.has_hash and os.path.islink(path)
                elif differs(recorded, row, path):
                    changed.append((row.place, path))
            except OSError:
                is_whole = False
        if changed and _moment(os.stat(recorded.record)) != before:
            return _Inspected(recorded, (), is_whole=False)
    except (OSError, RecordError, _TimeIsOverError):
        is_whole = False
    return _Inspected(recorded, tuple(changed), is_whole)


def _rows(recorded: Recorded) -> Iterator[tuple[Row | Unclear, str]]:
    for row in read_record(recorded.reader, recorded.record):
        path = recorded.path_of(row.place)
        if path is not None:
            yield row, path


def _integrity(inspected: Sequence[_Inspected], look: _SecondLook, now: datetime) -> Integrity:
    files: dict[str, list[str]] = {}
    unchecked = {each.recorded.name for each in inspected if not each.is_whole}
    for each in inspected:
        guilty = [place for place, path in each.changed if path not in look.innocent]
        if guilty and look.is_whole:
            files.setdefault(each.recorded.name, []).extend(map(shown, guilty))
        elif guilty:
            unchecked.add(each.recorded.name)
    return Integrity(
        checked_at=now,
        modified=tuple(sorted(files)),
        files={name: tuple(sorted(files[name])[:FILES_CAP]) for name in sorted(files)},
        unchecked=tuple(sorted(unchecked)),
    )


def _second_look(
    inspected: Sequence[_Inspected], differs: Differs, is_late: Callable[[], bool]
) -> _SecondLook:
    """Which files some package recorded exactly as they are: it was installed last."""
    suspects = {path for each in inspected for _, path in each.changed}
    innocent: set[str] = set()
    try:
        for each in inspected if suspects else ():
            for row, path in _readable_files(each.recorded):
                if is_late():
                    raise _TimeIsOverError
                if path in suspects and _is_as_recorded(each.recorded, row, path, differs):
                    innocent.add(path)
                    suspects.remove(path)
    except _TimeIsOverError:
        return _SecondLook(innocent, is_whole=False)
    return _SecondLook(innocent, is_whole=True)


def _is_as_recorded(recorded: Recorded, row: Row, path: str, differs: Differs) -> bool:
    try:
        return not differs(recorded, row, path)
    except OSError:
        return False


def _total_bytes(all_recorded: Iterable[Recorded], is_over: Callable[[], bool]) -> int:
    """All bytes that are to be hashed; fewer where the time is over."""
    return sum(
        row.size_bytes or 0
        for recorded in takewhile(lambda _: not is_over(), all_recorded)
        for row, _ in _readable_files(recorded)
    )


def _readable_files(recorded: Recorded) -> Iterator[tuple[Row, str]]:
    try:
        yield from ((row, path) for row, path in _rows(recorded) if isinstance(row, Row))
    except (OSError, RecordError):
        return


def _moment(status: os.stat_result) -> _Moment:
    """What differs as soon as a file was written to or replaced."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
