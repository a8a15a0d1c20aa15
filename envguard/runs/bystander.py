"""A process of the same group that does nothing: by what reaches it one knows what was meant for all.

A signal that a process sends does not say whether it was sent to one process or to the whole group, as
``kill %1``, ``timeout`` and Slurm do. What was sent to the group reached the command by itself; handed on, it
would reach it twice, and break off what the first began: a checkpoint, an orderly end.

It also keeps the environment marked as in use where this process is killed and the command lives on.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterable
from contextlib import suppress
from time import sleep
from typing import NoReturn

_SETTLES_S = 0.005
"""The group's processes get a signal one after another."""
_ANSWERS_S = 0.5
"""Nobody who takes longer is asked again: somebody stopped it."""
_ANSWER_BYTES = 16
_MOST_FILES = 1 << 20
_QUESTION, _NAMED = b"?", b"!"
_PID_BYTES = 8


class Bystander:
    """The process, from its start until this one ends. All its signals must be blocked when it is made."""

    def __init__(self, lease: int | None = None) -> None:
        """Start it; it ends by itself when this process does.

        With a ``lease``, an open file with a lock, it ends no earlier than the command that is named to it.
        """
        asked, self._ask = os.pipe()
        self._answer, answering = os.pipe()
        if os.fork() == 0:
            _stand_by(asked, answering, lease)
        os.close(asked)
        os.close(answering)
        self._is_there = True

    def name(self, child: int) -> None:
        """Tell it which process the command is."""
        try:
            os.write(self._ask, _NAMED + child.to_bytes(_PID_BYTES, "little"))
        except OSError:
            self._is_there = False

    def saw(self, number: int) -> bool:
        """Whether a signal that just came reached it too; all that reached it is forgotten."""
        if not self._is_there:
            return False
        sleep(_SETTLES_S)
        try:
            os.write(self._ask, _QUESTION)
            if not select.select([self._answer], [], [], _ANSWERS_S)[0]:
                raise TimeoutError
            seen = int.from_bytes(os.read(self._answer, _ANSWER_BYTES), "little")
        except OSError:
            self._is_there = False
            return False
        return bool(seen >> number & 1)


def _stand_by(asked: int, answering: int, lease: int | None) -> NoReturn:
    """Answer each question with the signals that came since the last, until nobody can ask any more."""
    command = None
    with suppress(OSError):
        _let_go_of_files({asked, answering} if lease is None else {asked, answering, lease})
        while word := os.read(asked, 1):
            if word == _NAMED:
                command = _opened(int.from_bytes(os.read(asked, _PID_BYTES), "little"))
                continue
            seen = signal.sigpending()
            for number in seen:
                signal.sigtimedwait({number}, 0)
            os.write(answering, _as_bits(seen))
    if lease is not None and command is not None:
        select.select([command], [], [])
    os._exit(0)


def _opened(process: int) -> int | None:
    """A file that tells when a process ends; None where it has ended, or the system has no such files."""
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):
        return None


def _let_go_of_files(kept: Iterable[int]) -> None:
    """Close all that was handed in: others wait for the end of a pipe, or for a lock."""
    first = 0
    for number in sorted(kept):
        os.closerange(first, number)
        first = number + 1
    os.closerange(first, _MOST_FILES)


def _as_bits(numbers: Iterable[int]) -> bytes:
    return sum(1 << number for number in numbers).to_bytes(_ANSWER_BYTES, "little")
