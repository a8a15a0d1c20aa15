"""A strict reader of verdict lines: whatever it takes is written as it is agreed, letter by letter."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

FIELDS = {
    "environment": 1,
    "boot": 1,
    "times": 2,
    "policy": 5,
    "verdict": 1,
    "digest": 1,
    "source": 1,
    "reason": 1,
    "finding": 9,
    "in": 1,
    "is": 5,
}
ORDER = ("environment", "boot", "times", "policy", "verdict", "digest", "source")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANT = {"\\": "\\", "t": "\t", "r": "\r", "n": "\n"}


class Note(msgspec.Struct, frozen=True):
    """A file as it was."""

    numbers: tuple[int, int, int, int]
    path: str


class Read(msgspec.Struct, frozen=True):
    """A verdict as it was read."""

    head: dict[str, tuple[str, ...]]
    findings: tuple[tuple[str, ...], ...]
    notes: tuple[Note, ...]

    @property
    def outcome(self) -> str:
        """The verdict's word."""
        return self.head["verdict"][0]

    @property
    def times(self) -> tuple[int, int]:
        """When it was judged, and when it ends."""
        judged_at, until = map(int, self.head["times"])
        return judged_at, until

    def holds(self) -> bool:
        """Whether all that was noted is as it was."""
        return all(_numbers_of(note.path) == note.numbers for note in self.notes)


def read_verdict(content: bytes) -> Read:
    """Answer what a whole verdict says; AssertionError where it is not one."""
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    assert lines.pop() == ""
    last = lines.pop()
    assert last == f"end\t{len(lines)}"
    assert lines.pop(0) == "envguard-verdict 1"
    records = [tuple(map(_text_of, line.split("\t"))) for line in lines]
    assert tuple(record[0] for record in records[: len(ORDER)]) == ORDER
    head: dict[str, tuple[str, ...]] = {}
    findings: list[tuple[str, ...]] = []
    notes: list[Note] = []
    folder = None
    for kind, *fields in records:
        assert len(fields) == FIELDS[kind], kind
        if kind == "finding":
            assert not notes
            findings.append(tuple(fields))
        elif kind == "in":
            folder = fields[0]
        elif kind == "is":
            assert folder is not None
            device, inode, mtime_ns, ctime_ns = map(int, fields[:4])
            path = f"{folder}/{fields[4]}" if folder else fields[4]
            notes.append(Note((device, inode, mtime_ns, ctime_ns), path))
        else:
            assert kind not in head
            assert not findings
            head[kind] = tuple(fields)
    assert head["verdict"][0] in ("compliant", "drifted", "unknown")
    assert head["policy"][3] in ("use", "marker", "applies-to")
    assert head["policy"][4] in ("refuse", "warn")
    return Read(head, tuple(findings), tuple(notes))


def read_file(path: Path) -> Read:
    """Answer what a verdict file says."""
    return read_verdict(path.read_bytes())


def _text_of(field: str) -> str:
    assert "\r" not in field
    assert _ESCAPE.sub("", field).count("\\") == 0
    return _ESCAPE.sub(lambda found: _MEANT[found[1]], field)


def _numbers_of(path: str) -> tuple[int, int, int, int]:
    try:
        status = Path(path).stat()
    except OSError:
        return 0, 0, 0, 0
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns
