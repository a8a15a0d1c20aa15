"""Files of a project that a command writes: all of them, or none.

Rules
1. A new file never takes the place of one that is there. One that is changed is changed as a whole, keeps its
   mode, and must still be as it was read.
2. What fails undoes what was written before it.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from envguard.errors import StateError, UsageError


class WrittenFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file to write."""

    path: Path
    text: str
    before: str | None = None
    """What it says now, where it is changed; None: it is new."""


def refuse_existing(files: Sequence[WrittenFile]) -> None:
    """Raise UsageError where a new file's place is taken."""
    for file in files:
        if file.before is None and os.path.lexists(file.path):
            raise UsageError("there is such a file already", where=str(file.path), hint=_hint(file.path))


def write_all(files: Sequence[WrittenFile]) -> None:
    """Write the files, the changed ones last.

    Raises UsageError and StateError, and then nothing is written.
    """
    refuse_existing(files)
    done: list[WrittenFile] = []
    try:
        for file in sorted(files, key=lambda each: each.before is not None):
            _write(file)
            done.append(file)
    except BaseException:
        for file in reversed(done):
            _undo(file)
        raise


def _write(file: WrittenFile) -> None:
    try:
        if file.before is None:
            _create(file)
        else:
            _change(file.path.resolve(), file.before, file.text)
    except FileExistsError as error:
        what = "there is such a file already"
        raise UsageError(what, where=str(file.path), hint=_hint(file.path)) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise StateError(
            f"cannot be written: {reason}", where=str(file.path), hint="nothing was written"
        ) from error


def _create(file: WrittenFile) -> None:
    with file.path.open("x", encoding="utf-8", newline="") as opened:
        try:
            opened.write(file.text)
        except OSError:
            file.path.unlink(missing_ok=True)
            raise


def _change(path: Path, before: str, text: str) -> None:
    if path.read_bytes().decode("utf-8", "replace") != before:
        raise StateError("it was changed meanwhile", where=str(path), hint="run the command again")
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(text.encode())
        shutil.copymode(path, temporary)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _undo(file: WrittenFile) -> None:
    with contextlib.suppress(OSError, StateError):
        if file.before is None:
            file.path.unlink()
        else:
            _change(file.path.resolve(), file.text, file.before)


def _hint(path: Path) -> str:
    return f"name another with --output, or remove it: rm {shlex.quote(str(path))}"
