"""Whether an environment is still as it was read, told by a look at each file that decided.

Rules
1. Looked at again: the folders of its search path, every ``.pth`` and ``.egg-link``, each distribution's
   folder with its METADATA, WHEEL, INSTALLER and ``direct_url.json``, conda's records, its configuration, the
   real interpreter, the markers of its project; also what was absent, unless its folder would tell.
   What tells kind, base and interpreter is read anew each time, and must be the same.
2. Unchanged means the same device, inode, mtime and ctime of each. A folder's mtime alone misses an edited
   METADATA and an appended ``.pth``; mtime alone misses one that was set back.
3. What changed within the tick of the file system's clock before it was read may change again within that
   tick: such a reading is not remembered.
4. A memory ends: at the next boot, which may number devices anew, and after a day in any case.
5. What is checked out in an editable project's folder is looked up each time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping

import msgspec

from envguard.domain.environment import Digest, Environment, digest_of_text
from envguard.inventory.environment import Reading, reached_by, read_watched
from envguard.inventory.files import Reader, reader_for, shown
from envguard.inventory.git import commit_of
from envguard.inventory.layout import Layout

READER = 4
"""The version of what is read: a memory of another one is of no use."""

VALID_S = 24 * 3600.0
"""After this an environment is read again, whatever its files look like."""

_TICK_NS = 1_000_000_000
"""More than the clocks of Linux's and macOS's own file systems are coarse: ext4's is 4 ms."""
_FOLDER_FLAGS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """What tells one state of a file from another; all zero where it is absent."""

    device: int = 0
    inode: int = 0
    mtime_ns: int = 0
    ctime_ns: int = 0


ABSENT = Mark()


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """An environment as it was read, and by what to see that it is still so."""

    environment: Environment
    layout: Digest
    """Of where its parts lay."""
    marks: dict[str, dict[str, Mark]]
    """By a folder, and the path from there: to look from a folder takes two thirds of the time. Below the
    empty name stand whole paths. Paths that are no text are never remembered."""
    boot: str
    read_at_s: float
    """Seconds since the epoch, by this machine's clock."""


def remember(reading: Reading, layout: Layout, *, began_at_s: float, boot: str) -> Memory | None:
    """Answer the memory of a reading that began at this time; None where it cannot be trusted."""
    folders = [each.folder for each in reading.environment.record.editables]
    if not boot or not all(map(_is_text, reading.watched)) or any("\\x" in folder for folder in folders):
        return None
    marks = _marks_of(reading.watched)
    if not all(is_settled(mark, at_s=began_at_s) for marked in marks.values() for mark in marked.values()):
        return None
    return Memory(
        environment=reading.environment,
        layout=_digest_of(layout),
        marks=marks,
        boot=boot,
        read_at_s=began_at_s,
    )


def is_settled(mark: Mark, *, at_s: float) -> bool:
    """Whether a mark that was made then tells: what changed within the clock's tick may change unseen."""
    newest_ns = int(at_s * 1e9) - _TICK_NS
    return mark.mtime_ns <= newest_ns and mark.ctime_ns <= newest_ns


def is_fresh(memory: Memory, *, now_s: float, boot: str) -> bool:
    """Whether the environment is still as it was read."""
    if memory.boot != boot or not 0 <= now_s - memory.read_at_s <= VALID_S:
        return False
    return all(_is_as_marked(folder, marks) for folder, marks in memory.marks.items())


def _marks_of(paths: Iterable[str]) -> dict[str, dict[str, Mark]]:
    """The marks, by the outer one of two folders above that is looked at too, as a site folder is."""
    known = frozenset(paths)
    marks: dict[str, dict[str, Mark]] = {}
    for path in paths:
        inner = path.rpartition("/")[0]
        outer = inner.rpartition("/")[0]
        folder = outer if outer in known else inner if inner in known else ""
        if not folder or is_git(path):
            marks.setdefault("", {})[path] = mark_of(path)
        else:
            marks.setdefault(folder, {})[path[len(folder) + 1 :]] = mark_of(path)
    return marks


def _is_as_marked(folder: str, marks: Mapping[str, Mark]) -> bool:
    if not folder:
        return all(mark_of(path) == mark for path, mark in marks.items())
    return are_as_marked(folder, marks)


def are_as_marked(folder: str, marks: Mapping[str, Mark]) -> bool:
    """Whether all is as it was that was marked from a folder, or below the empty name; repositories too."""
    if not folder:
        return _are_as_marked_from(None, marks)
    try:
        descriptor = os.open(folder, _FOLDER_FLAGS)
    except OSError:
        return all(mark == ABSENT for mark in marks.values())
    try:
        return _are_as_marked_from(descriptor, marks)
    finally:
        os.close(descriptor)


def _are_as_marked_from(folder: int | None, marks: Mapping[str, Mark]) -> bool:
    """Compare field by field: to make a mark of each would take a fourth of the time of a look at all."""
    look = os.stat
    for place, mark in marks.items():
        try:
            status = look(place, dir_fd=folder)
        except (OSError, ValueError):
            if mark != ABSENT:
                return False
            continue
        if (
            status.st_mtime_ns != mark.mtime_ns
            or status.st_ctime_ns != mark.ctime_ns
            or status.st_ino != mark.inode
            or status.st_dev != mark.device
        ):
            return False
    return True


def mark_of(path: str) -> Mark:
    """Answer the present state of what the path leads to."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return ABSENT
    if is_git(path):  # that it is there counts, not what is done inside
        return Mark(status.st_dev, status.st_ino)
    return Mark(status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)


def is_git(path: str) -> bool:
    """Whether a repository is, or would be, at this path."""
    return path.endswith("/.git")


def _digest_of(layout: Layout) -> Digest:
    told = repr(msgspec.structs.replace(layout, names=()))
    return digest_of_text(told.encode("utf-8", "backslashreplace"))


def boot_id() -> str:
    """Answer what names this run of the kernel; empty where the system does not say."""
    try:
        return Reader(0).read_head(_BOOT_ID, cap_bytes=64).decode("ascii", "replace").strip()
    except OSError:
        return ""


class Memories:
    """What earlier scans of this machine read: asked, and added to, while a scan goes on."""

    def __init__(
        self,
        known: Mapping[str, Memory],
        *,
        clock: Callable[[], float] = time.time,
        boot: str | None = None,
    ) -> None:
        """``known`` are the memories by the environment's path; ``clock`` gives seconds since the epoch."""
        self._known = known
        self._clock = clock
        self._boot = boot_id() if boot is None else boot
        self._kept: dict[str, Memory] = {}

    def read(self, layout: Layout, *, named: str) -> Environment:
        """Answer the environment: as it was read last where it is still so, else read now."""
        began_at_s = self._clock()
        memory = self._known.get(shown(layout.path))
        is_same = memory is not None and memory.layout == _digest_of(layout)
        if memory is None or not is_same or not is_fresh(memory, now_s=began_at_s, boot=self._boot):
            reading = read_watched(layout)
            memory = remember(reading, layout, began_at_s=began_at_s, boot=self._boot)
            if memory is None:
                return reached_by(reading.environment, layout, named=named)
        self._kept[memory.environment.record.path] = memory
        return reached_by(_with_commits(memory.environment, layout), layout, named=named)

    @property
    def boot(self) -> str:
        """The run of the kernel in which these memories hold; empty where the system does not say."""
        return self._boot

    @property
    def kept(self) -> dict[str, Memory]:
        """The memories of what was read so far, by the environment's path."""
        return self._kept


def _with_commits(environment: Environment, layout: Layout) -> Environment:
    record = environment.record
    if not record.editables:
        return environment
    reader = reader_for(layout.path if layout.kind == "user" else layout.prefix)
    now_there = tuple(
        msgspec.structs.replace(each, commit=commit_of(each.folder, reader)) for each in record.editables
    )
    return msgspec.structs.replace(environment, record=msgspec.structs.replace(record, editables=now_there))


def _is_text(path: str) -> bool:
    return path.isascii() or all(not "\ud800" <= character <= "\udfff" for character in path)
