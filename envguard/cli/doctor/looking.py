"""How each thing is looked at: a failure of the look is what it found."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from envguard.errors import EnvguardError
from envguard.report.doctor import Checkup, bad, ok, warn

_LITTLE_BYTES, _TOO_LITTLE_BYTES = 1024**3, 64 * 1024**2

Look = Callable[[], Iterator[Checkup]]


def each_looked(looks: dict[str, Look]) -> Iterator[Checkup]:
    """Answer what all of them find; one that fails does not end the others."""
    for name, look in looks.items():
        yield from _looked(name, look)


def disk(name: str, folder: Path) -> Checkup:
    """Answer whether there is room on the disk of a folder that is there."""
    room = os.statvfs(folder)
    free, nodes = room.f_bavail * room.f_frsize, room.f_favail
    found = f"{free / 1e9:.1f} GB free at {folder}"
    if room.f_files and nodes < 100:
        return bad(name, f"{nodes} files more at {folder}", "remove files: it has no inodes left")
    if free < _TOO_LITTLE_BYTES:
        return bad(name, found, "make room: nothing can be kept")
    return warn(name, found, "make room soon") if free < _LITTLE_BYTES else ok(name, found)


def _looked(name: str, look: Look) -> Iterator[Checkup]:
    try:
        yield from look()
    except EnvguardError as error:
        yield bad(name, str(error), error.hint)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        yield bad(name, f"{place}{error.strerror or error}", "run it as the user whose files these are")
