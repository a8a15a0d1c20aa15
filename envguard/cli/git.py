"""git, asked which commit is checked out and whether anything was changed: in a child, within a time limit.

It is asked while the environment is judged, writes nothing, and starts no program that the repository names.
"""

from __future__ import annotations

import os
import select
import signal
from time import monotonic
from typing import NamedTuple

from envguard.runs.command import find_program
from envguard.runs.command.interface import upwards

WITHIN_S = 2.0
"""A tree that takes longer is one of which it is not known."""

_COMMAND = ("-c", "core.fsmonitor=false", "status", "--porcelain=v2", "--branch")
_COMMIT = b"# branch.oid "
_PIECE_BYTES = 65536
_MOST_BYTES = 1024 * 1024


class Tree(NamedTuple):
    """What is checked out."""

    commit: str | None = None
    dirty: bool | None = None
    """None where it is not known."""


class Question(NamedTuple):
    """A git that was asked, and where it answers."""

    process: int
    answer: int
    until_s: float


def ask_git(folder: str) -> Question | None:
    """Ask about the tree around a folder; None where there is none, or no git."""
    place = find_program("git", os.environ, folder) if _is_in_tree(folder) else None
    if place is None:
        return None
    reading, writing = os.pipe()
    try:
        process = os.posix_spawn(
            place,
            [place, "-C", folder, *_COMMAND],
            {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, writing, 1),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
        )
    except OSError:
        os.close(reading)
        return None
    finally:
        os.close(writing)
    return Question(process, reading, monotonic() + WITHIN_S)


def answer_of(question: Question | None) -> Tree:
    """Answer what git said, which is waited for."""
    if question is None:
        return Tree()
    said = _read(question)
    os.close(question.answer)
    if said is None:
        os.kill(question.process, signal.SIGKILL)
    _, status = os.waitpid(question.process, 0)
    if said is None or status != 0:
        return Tree()
    lines = said.splitlines()
    commit = next((line[len(_COMMIT) :] for line in lines if line.startswith(_COMMIT)), b"(initial)")
    return Tree(
        None if commit == b"(initial)" else commit.decode("ascii", "replace"),
        any(not line.startswith(b"# ") for line in lines),
    )


def leave(question: Question | None) -> None:
    """Let a git that was asked go: nobody wants the answer any more."""
    if question is not None:
        os.close(question.answer)
        os.kill(question.process, signal.SIGKILL)
        os.waitpid(question.process, 0)


def _read(question: Question) -> bytes | None:
    """All that it says; None where it is not done in time. What is beyond a megabyte tells nothing new."""
    said = b""
    while True:
        left_s = question.until_s - monotonic()
        ready = select.select([question.answer], [], [], max(left_s, 0))[0]
        if not ready:
            return None
        piece = os.read(question.answer, _PIECE_BYTES)
        if not piece:
            return said
        if len(said) < _MOST_BYTES:
            said += piece


def _is_in_tree(folder: str) -> bool:
    return any(os.path.lexists(os.path.join(each, ".git")) for each in upwards(folder))
