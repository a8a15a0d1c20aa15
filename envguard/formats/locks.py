"""Lock files to ``domain.lock.Lock``, their format told by the file's name."""

from __future__ import annotations

import re
from pathlib import Path

from envguard.domain.lock import Lock
from envguard.errors import PolicyError
from envguard.formats.files import is_encodable, read_text
from envguard.formats.pylock import parse_pylock
from envguard.formats.requirements import parse_requirements

_PYLOCK_NAME = re.compile(r"pylock(\.[^.]+)?\.toml|.+\.pylock\.toml")


def parse_lock(text: str, *, filename: str) -> Lock:
    """Answer the lock that a text says, its format told by the file's name.

    Raises PolicyError with the place where it is not a lock.
    """
    name = filename.rpartition("/")[2]
    if not is_encodable(text):
        raise PolicyError("the lock is not UTF-8", where=filename, hint="save it as UTF-8")
    if _PYLOCK_NAME.fullmatch(name):
        return parse_pylock(text, filename)
    if name.endswith(".txt"):
        return parse_requirements(text, filename)
    raise PolicyError(
        "not a lock that this version reads",
        where=filename,
        hint="pylock.toml, pylock.NAME.toml, NAME.pylock.toml, or a *.txt of pinned requirements",
    )


def project_lock(folder: Path) -> tuple[Path, Lock] | None:
    """Answer a project's own lock: pylock.toml, pylock.*.toml, or a requirements.txt that pins everything.

    Raises PolicyError where a pylock is there and cannot be used, and where several are and none is named
    plainly pylock.toml. A requirements.txt that pins not everything, or nothing, is no lock.
    """
    plain = folder / "pylock.toml"
    locks = [plain] if _is_there(plain) else sorted(filter(_is_there, folder.glob("pylock.*.toml")))
    if len(locks) > 1:
        names = ", ".join(path.name for path in locks)
        hint = "name one, or call it pylock.toml"
        raise PolicyError(f"the project has several locks: {names}", where=str(folder), hint=hint)
    if locks:
        return locks[0], parse_lock(read_text(locks[0], "lock"), filename=locks[0].name)
    requirements = folder / "requirements.txt"
    if not _is_there(requirements):
        return None
    try:
        return requirements, parse_lock(read_text(requirements, "lock"), filename=requirements.name)
    except PolicyError:
        return None


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return True  # reading it says why it cannot be had
