"""The server as the place where the ranks of a job meet; how they do is ``guard.meeting``'s to say.

Rules
1. Before the meeting a server that cannot be asked is no place: the ranks meet elsewhere. Once it has begun,
   it is unknown whatever the server fails to do.
2. A request that breaks off is sent again: notes are written once, and the same again is taken.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from envguard.client import ServerClient
from envguard.errors import EnvguardError, RefusedError, TransportError
from envguard.guard.meeting import NAME_A_FOLDER, MeetingError, Place
from envguard.wire import RankNote, RankNotes

T = TypeVar("T")
_PAUSES_S = (0.2, 0.5, 1.0, 2.0)


class ServerPlace(Place):
    """A meeting at a server. Raises TransportError where that has none."""

    slowest_s = 0.5
    hint = NAME_A_FOLDER

    def __init__(self, client: ServerClient, meeting: str) -> None:
        self.words = f" at {client.url}"
        self._client = client
        self._meeting = meeting
        client.rank_names(meeting)

    def put(self, name: str, text: str) -> None:
        """Write a note."""
        self.put_all([(name, text)])

    def put_all(self, notes: Iterable[tuple[str, str]]) -> None:
        """Write notes, which are seen all at once."""
        message = RankNotes(notes=tuple(RankNote(name, text) for name, text in notes))
        _patiently(lambda: self._client.write_rank_notes(self._meeting, message))

    def get(self, name: str) -> str | None:
        """Read a note."""
        return _patiently(lambda: self._client.rank_note(self._meeting, name))

    def names(self) -> list[str]:
        """The names of all notes."""
        return list(_patiently(lambda: self._client.rank_names(self._meeting)))

    def drop(self, names: Iterable[str]) -> None:
        """Take back notes; what stays is gone after a day."""
        message = RankNotes(drop=tuple(names))
        with contextlib.suppress(EnvguardError):
            self._client.write_rank_notes(self._meeting, message)


def _patiently(ask: Callable[[], T]) -> T:
    """Ask until there is an answer, some seconds at most. Raises MeetingError."""
    for pause_s in _PAUSES_S:
        answer = _once(ask)
        if not isinstance(answer, TransportError):
            return answer
        time.sleep(max(pause_s, min(answer.retry_after_s or 0.0, 5.0)))
    answer = _once(ask)
    if isinstance(answer, TransportError):
        raise MeetingError(f"the server does not answer any more: {answer}") from answer
    return answer


def _once(ask: Callable[[], T]) -> T | TransportError:
    try:
        return ask()
    except RefusedError as error:
        raise MeetingError(f"the server refuses: {error}") from error
    except TransportError as error:
        return error
