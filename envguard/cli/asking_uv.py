"""uv, asked which files an index has of pins: in a child, with the person's own settings."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from envguard.domain.locks.lock import Lock
from envguard.errors import UnavailableError
from envguard.formats import parse_lock

_WITHIN_S = 600.0
_COMPILE = ("pip", "compile", "--quiet", "--no-deps", "--universal", "--generate-hashes", "--no-header")


def ask_uv(pins: Sequence[str], python: str, lock: Path) -> list[Lock]:
    """Answer a lock for each requirements text: its pins with all files for this Python and later ones.

    Raises UnavailableError where there is no uv, or it has no answer.
    """
    uv = find_uv()
    if uv is None:
        raise UnavailableError(
            "it names no files, which a pylock.toml must, and there is no uv to ask an index with",
            where=str(lock),
            hint="pip install uv",
        )
    return [_answer(uv, each, python, lock) for each in pins]


def find_uv() -> str | None:
    """Answer where uv is: on ``PATH``, else beside the interpreter that runs envguard."""
    return shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))


def _answer(uv: str, pins: str, python: str, lock: Path) -> Lock:
    command = [uv, *_COMPILE, "--python-version", python, "--format", "pylock.toml", "-"]
    try:
        done = subprocess.run(
            command,
            input=pins,
            capture_output=True,
            text=True,
            check=False,
            cwd=lock.absolute().parent,
            timeout=_WITHIN_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"uv could not be asked: {error}", where=str(lock)) from error
    if done.returncode:
        raise UnavailableError(
            f"uv has no answer: {done.stderr.strip() or 'it says nothing'}",
            where=str(lock),
            hint="UV_DEFAULT_INDEX or UV_FIND_LINKS say where to ask; --python-version for which Python",
        )
    return parse_lock(done.stdout, filename="pylock.toml")
