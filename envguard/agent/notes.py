"""Notes on files: by these anybody sees that what a look found is still so. Ready to be read as lines.

Rules
1. Noted is all that decided what an environment is (the inventory's memory of it), what its owner bound, and
   the files of a policy that its project brought; each as it was before it was read.
2. What changed within the tick of the file system's clock before it was noted tells nothing: such an
   environment has no notes until the next look.
3. That a ``.git`` is there ends the search for a project, and every commit changes it: in its place its
   ``config`` is noted, which is there exactly when it is, and changes seldom.
4. Notes have a name of their own, made of all that they are made of. Who has the name knows that just these
   are meant, and one that is kept under it is not written again.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from envguard.domain.binding import Evidence
from envguard.domain.environment import EnvironmentRecord, Scan
from envguard.errors import StateError
from envguard.formats.files import is_encodable
from envguard.formats.verdict_lines import field, line, text_of
from envguard.inventory.freshness import (
    ABSENT,
    READER,
    Mark,
    Memory,
    are_as_marked,
    is_git,
    is_settled,
    mark_of,
)
from envguard.log import get_log
from envguard.state import State, read_file
from envguard.state.runtime import open_folder, remove_others, replace_file, verdict_file_name

_FOLDER = "notes"
_HEAD_BYTES = 64
_AGENTS_ALONE = (b".dist-info\n", b".dist-info/WHEEL\n", b".dist-info/INSTALLER\n")

Marks = Mapping[str, Mapping[str, Mark]]
"""By a folder, and the path from there; below the empty name whole paths."""

_log = get_log(__name__)


class Noting:
    """Marks of what binds environments, made when it is about to be read; the first of a path counts."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._marks: dict[str, Mark] = {}
        self._unsettled: set[str] = set()
        self._paths: dict[str, set[str]] = {}

    def note(self, record: EnvironmentRecord, path: str) -> None:
        """Mark a file that decides about an environment."""
        if path not in self._marks:
            mark = self._marks[path] = mark_of(path)
            if not is_settled(mark, at_s=self._clock()) or not _is_text(path):
                self._unsettled.add(path)
        self._paths.setdefault(record.path, set()).add(path)

    def marks_for(self, environment: str) -> dict[str, Mark] | None:
        """Answer what was marked for an environment; None where that cannot be trusted."""
        paths = self._paths.get(environment, set())
        if not paths.isdisjoint(self._unsettled):
            return None
        return {path: self._marks[path] for path in paths}


def keep_notes(
    state: State, scan: Scan, memories: Mapping[str, Memory], noting: Noting, *, began_at_s: float, boot: str
) -> Evidence:
    """Keep the notes of each environment that has some, and answer which they are."""
    names: dict[str, str] = {}
    try:
        with open_folder(state.path / _FOLDER, mode=0o700) as folder:
            for record in (each.record for each in scan.environments):
                name = _kept_name(folder, record, memories.get(record.path), noting)
                if name is not None:
                    names[record.path] = name
            if not scan.is_incomplete:
                remove_others(folder, frozenset(map(verdict_file_name, names)))
    except (StateError, OSError) as error:
        _log.warning("notes_not_kept", reason=str(error))
        return Evidence(began_at_s, boot, {})
    return Evidence(began_at_s, boot, names)


def read_notes(state: Path, environment: str, name: str) -> bytes | None:
    """Answer the notes of this name as lines; None where they are not kept."""
    try:
        content = read_file(state / _FOLDER / verdict_file_name(environment))
    except StateError as error:
        _log.warning("notes_unusable", reason=str(error))
        return None
    head, end, lines = (content or b"").partition(b"\n")
    return lines if end and head == name.encode() else None


def for_readers(notes: bytes) -> bytes:
    """Answer the notes that others look up before each run: a fourth of them, as each costs microseconds."""
    return b"".join(each for each in notes.splitlines(keepends=True) if not _is_agents_alone(each))


def _is_agents_alone(written: bytes) -> bool:
    kind, path = written[:3], written.rpartition(b"\t")[2]
    return kind == b"is\t" and not path.startswith(b"/") and path.endswith(_AGENTS_ALONE)


def do_notes_hold(notes: bytes) -> bool:
    """Whether all that was noted is as it was; what is not understood never is."""
    try:
        noted = _noted(notes.decode("utf-8", "surrogateescape"))
        return all(are_as_marked(folder, marks) for folder, marks in noted.items())
    except (ValueError, IndexError):
        return False


def _noted(notes: str) -> dict[str, dict[str, Mark]]:
    """The marks that lines say; ValueError or IndexError where they are no such lines."""
    noted: dict[str, dict[str, Mark]] = {}
    inside = noted.setdefault("", {})
    for written in notes.split("\n")[:-1]:
        kind, *fields = written.split("\t")
        if kind == "in":
            inside = noted.setdefault(text_of(fields[0]), {})
        else:
            inside[text_of(fields[4])] = Mark(*map(int, fields[:4]))
    return noted


def _kept_name(folder: int, record: EnvironmentRecord, memory: Memory | None, noting: Noting) -> str | None:
    """Keep the notes of one environment unless they are kept already; None where there are none."""
    binding = noting.marks_for(record.path)
    if memory is None or binding is None or record.path_bytes is not None:
        return None
    repositories = _repositories(memory)
    if repositories is None:
        return None
    further = {**binding, **repositories}
    name = _name_of(memory, further)
    file = verdict_file_name(record.path)
    if _head_of(folder, file) != name.encode():
        marks = _without_repositories(memory.marks)
        replace_file(
            folder,
            file,
            f"{name}\n".encode() + b"".join(_lines({**marks, "": {**marks.get("", {}), **further}})),
        )
    return name


def _name_of(memory: Memory, further: Mapping[str, Mark]) -> str:
    """A reading has one moment in which it began: two of one environment are told apart by it."""
    record = memory.environment.record
    parts = (record.path, record.digest, memory.layout, memory.read_at_s, memory.boot, READER)
    return hashlib.sha256(repr((parts, sorted(further.items()))).encode()).hexdigest()[:32]


def _repositories(memory: Memory) -> dict[str, Mark] | None:
    """What stands for each ``.git`` that is there; None where one is not the same any more."""
    found: dict[str, Mark] = {}
    for path, mark in memory.marks.get("", {}).items():
        if not is_git(path) or mark == ABSENT:
            continue
        if mark_of(path) != mark:
            return None
        config = mark_of(f"{path}/config")
        status = Path(path).stat()
        if config == ABSENT:  # the `.git` of a worktree is a file, which stays as it is
            found[path] = Mark(status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
        else:
            found[f"{path}/config"] = config
    return found


def _without_repositories(marks: Marks) -> dict[str, dict[str, Mark]]:
    return {
        folder: {path: mark for path, mark in inside.items() if folder or not is_git(path) or mark == ABSENT}
        for folder, inside in marks.items()
    }


def _lines(marks: Marks) -> Iterator[bytes]:
    for folder, inside in marks.items():
        yield _encoded(line("in", folder))
        for path, mark in inside.items():
            numbers = f"{mark.device}\t{mark.inode}\t{mark.mtime_ns}\t{mark.ctime_ns}"
            yield _encoded(f"is\t{numbers}\t{field(path)}")


def _encoded(text: str) -> bytes:
    return text.encode() + b"\n"


def _head_of(folder: int, file: str) -> bytes:
    """The name of the notes that a file holds; nothing where there is none."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return b""
    try:
        return os.read(descriptor, _HEAD_BYTES).partition(b"\n")[0]
    finally:
        os.close(descriptor)


def _is_text(path: str) -> bool:
    return "\0" not in path and is_encodable(path)  # a lock can name it, no reader can ask for it
