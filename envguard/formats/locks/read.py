"""Which format a lock has, told by its file's name; and which lock is a project's own."""

from __future__ import annotations

import re
from contextlib import nullcontext, suppress
from importlib import import_module
from pathlib import Path

from envguard.domain.locks.lock import Lock
from envguard.errors import PolicyError
from envguard.formats.companions import ALONE, Companions, FolderFiles
from envguard.formats.files import LOCK_LIMIT_BYTES, ReadBytes, is_encodable, read_bytes, read_text
from envguard.formats.locks.interface import Parser
from envguard.formats.locks.remembered import parsed_once

_FORMATS: tuple[tuple[str, str, str], ...] = (
    (r"pylock(\.[^.]+)?\.toml|.+\.pylock\.toml", "pylock", "parse_pylock"),
    (r"(.+\.)?uv\.lock", "uv", "parse_uv"),
    (r"(.+\.)?poetry\.lock", "poetry", "parse_poetry"),
    (r".+\.txt", "requirements", "parse_requirements"),
    (r"Pipfile\.lock|.+\.Pipfile\.lock", "pipenv", "parse_pipenv"),
    (r"(.+[-_.])?conda-lock\.ya?ml", "conda_lock", "parse_conda_lock"),
    (r"conda-(linux|osx|win)-[^/]+\.lock", "conda_explicit", "parse_conda_explicit"),
    (
        r"environment([-_.][^/]*)?\.ya?ml|.+[-_.]environment\.ya?ml",
        "conda_environment",
        "parse_conda_environment",
    ),
)
"""File names, and the module and function that read such a file: a format is imported where one is met."""

_OF_PROJECTS: tuple[tuple[str, bool], ...] = (
    ("pylock.toml", True),
    ("pylock.*.toml", True),
    ("uv.lock", True),
    ("poetry.lock", True),
    ("Pipfile.lock", True),
    ("conda-lock.yml", True),
    ("requirements.txt", False),
)
"""Where a project's own lock is looked for, in this order, and whether such a file is always one."""
_HINT = (
    "pylock.toml, uv.lock, poetry.lock, Pipfile.lock, conda-lock.yml or environment.yml, also as NAME.FILE, "
    "or a *.txt of pins"
)


def is_lock_name(filename: str) -> bool:
    """Whether a file of this name is read as a lock."""
    return _format_of(filename) is not None


def parse_lock(text: str, *, filename: str, companions: Companions = ALONE) -> Lock:
    """Answer the lock that a text says, its format told by the file's name.

    ``companions`` has the files that it names. Raises PolicyError with the place where it is not a lock.
    """
    found = _format_of(filename)
    if found is None:
        raise PolicyError(
            "not a lock that this version reads",
            where=filename,
            hint=_HINT,
        )
    if len(text) > LOCK_LIMIT_BYTES:
        raise PolicyError(
            f"too large for a lock: over {LOCK_LIMIT_BYTES >> 20} MiB",
            where=filename,
            hint="is it the right file? the largest locks have a few MiB",
        )
    if not is_encodable(text):
        raise PolicyError("the lock is not UTF-8", where=filename, hint="save it as UTF-8")
    return parsed_once(text, filename, companions, lambda: _parser(*found))


def _parser(module: str, function: str) -> Parser:
    parser: Parser = getattr(import_module(f"envguard.formats.locks.{module}"), function)
    return parser


def project_lock(folder: Path, read: ReadBytes = read_bytes) -> tuple[Path, Lock] | None:
    """Answer a project's own lock: the first of its files that is one, in the order of the table.

    Raises PolicyError where such a file is there and cannot be used, and where several have one pattern. A
    requirements.txt that pins not everything, or nothing, is no lock.
    """
    for pattern, is_always_a_lock in _OF_PROJECTS:
        found = sorted(folder.glob(pattern)) if "*" in pattern else [folder / pattern]
        locks = [path for path in found if _is_there(path)]
        if len(locks) > 1:
            names = ", ".join(path.name for path in locks)
            hint = "name one, or call it pylock.toml"
            raise PolicyError(f"the project has several locks: {names}", where=str(folder), hint=hint)
        with nullcontext() if is_always_a_lock else suppress(PolicyError):
            if locks:
                return locks[0], read_lock(locks[0], read)
    return None


def read_lock(path: Path, read: ReadBytes = read_bytes) -> Lock:
    """Answer the lock in a file; raises PolicyError where it cannot be read, or is none."""
    text = read_text(path, "lock", read=read)
    return parse_lock(text, filename=path.name, companions=FolderFiles(path.parent, read))


def _format_of(filename: str) -> tuple[str, str] | None:
    name = filename.rpartition("/")[2]
    return next(
        ((module, function) for names, module, function in _FORMATS if re.fullmatch(names, name)), None
    )


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return True  # reading it says why it cannot be had
