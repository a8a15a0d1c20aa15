"""Reading the files of a policy, and showing their text in errors."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from pathlib import Path

from envguard.errors import PolicyError

LOCK_LIMIT_BYTES = 32 * 1024 * 1024
"""No lock is larger."""

POLICY_LIMIT_BYTES = 256 * 1024
"""No policy is larger."""

_SHOWN_CHARACTERS = 120
_MOST_PROBLEMS = 100
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CREDENTIALS = r"(?<=://)[^/@\s]+@"


ReadBytes = Callable[[Path, int], bytes]
"""Answers the beginning of a regular file, one byte more than a number of bytes at most. Raises OSError."""


def read_bytes(path: Path, limit_bytes: int) -> bytes:
    """Answer the beginning of a file, as this process may read it."""
    with path.open("rb") as file:
        return file.read(limit_bytes + 1)


def read_text(
    path: Path,
    what: str,
    *,
    where: str | None = None,
    limit_bytes: int = LOCK_LIMIT_BYTES,
    read: ReadBytes = read_bytes,
) -> str:
    """Answer a file's text; raises PolicyError where it is missing, too large, or not UTF-8.

    ``read`` says with whose rights: a file that somebody else names is read as that person may read it.
    UTF-16 with its mark is read too: PowerShell's ``pip freeze > r.txt`` is that, and pip reads it.
    """
    place = where or str(path)
    try:
        if not path.exists():
            raise _absent(path, what, where)
        if not path.is_file():
            raise PolicyError(f"the {what} is no regular file" + _at(path, where), where=place)
        raw = read(path, limit_bytes)
    except OSError as error:
        raise PolicyError(f"the {what} cannot be read: {error.strerror}", where=place) from error
    if len(raw) > limit_bytes:
        raise PolicyError(f"too large for a {what}: over {limit_bytes >> 10} KiB", where=place)
    try:
        encoding = "utf-16" if raw.startswith(_UTF_16) else "utf-8"
        return raw.decode(encoding).replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line, column = raw.count(b"\n", 0, error.start) + 1, error.start - raw.rfind(b"\n", 0, error.start)
        there = f"{path}:{line}:{column}"
        told = f"the {what} is not UTF-8" + (f": {there}" if where is not None else "")
        raise PolicyError(told, where=where or there, hint="save it as UTF-8") from error


def _absent(path: Path, what: str, where: str | None) -> PolicyError:
    """The error where there is no file; ``where`` is the line that names it, None where a person did."""
    hint = f"a {what} is looked for beside its policy, in {path.parent}" if where is not None else None
    return PolicyError(f"there is no such {what}" + _at(path, where), where=where or str(path), hint=hint)


def _at(path: Path, where: str | None) -> str:
    """The file's own name, where an error names another place."""
    return f": {path}" if where is not None else ""


def shown(text: str) -> str:
    """Answer a text that an error may print: short, one line, no control characters, no credentials."""
    head = re.sub(_CREDENTIALS, "", text[: 4 * _SHOWN_CHARACTERS])
    line = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in head)
    return line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}..."


def has_controls(text: str) -> bool:
    """Whether the text has control characters, which no name, version, marker or address has."""
    return _CONTROL.search(text) is not None


def is_encodable(text: str) -> bool:
    """Whether the text has no lone surrogates: only then it has a digest and can travel."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Gathered:
    """Everything that is wrong with one file; nobody reads more than a hundred problems at once."""

    def __init__(self, filename: str) -> None:
        """Name the file as errors shall name it."""
        self.filename = filename
        self.found: list[PolicyError] = []

    def keep(self, problem: PolicyError) -> None:
        """Note one problem; the hundredth raises them all."""
        self.found.append(problem)
        if len(self.found) >= _MOST_PROBLEMS:
            self.raise_all()

    def raise_all(self) -> None:
        """Raise what was noted; nothing where nothing was."""
        raise_all(self.found, self.filename)


def raise_all(problems: list[PolicyError], where: str) -> None:
    """Raise what is wrong with a file: itself where it is one, else one error that holds them all."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise PolicyError(f"{len(problems)} problems", where=where, problems=problems)
