"""Where the ranks of a job meet: notes that each of them writes, and that all see.

Rules
1. Who has a token may meet, a person and a joined machine; the ranks of one job may come with several tokens.
2. A note is written once: the same again is taken, another of its name is refused.
3. Everything is bounded: a note, a meeting, what one token wrote in a day, and a day is how long it is kept.
4. What notes say is not read here: the ranks prove to each other that they are there now.
"""

from __future__ import annotations

import re

import msgspec
import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from envguard.server.auth import identify
from envguard.server.body import read_message
from envguard.server.refusals import JsonResponse, RefusalError
from envguard.server.service import Service
from envguard.server.store import ranks
from envguard.server.store.access import Principal
from envguard.wire import RankNames, RankNoteReply, RankNotes

_MEETING = re.compile(r"[0-9a-f]{32}", re.ASCII)
_NAME = re.compile(r"[a-z]{1,20}(\.[0-9a-f]{1,64}){1,3}", re.ASCII)
_NOTE_BYTES = 1024 * 1024
_HINT = "ENVGUARD_RANKS=DIR names a folder to meet in"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept at most."""

    meeting_notes: int = 20_000
    meeting_bytes: int = 64 * 1024 * 1024
    author_bytes: int = 256 * 1024 * 1024
    """Of one machine, or of all that come with the admin's token, in all meetings of a day."""


class RanksApi:
    """The routes of meetings."""

    def __init__(self, service: Service, limits: Limits | None = None) -> None:
        """Answer by this service."""
        self._service = service
        self._limits = limits or Limits()

    async def write(self, request: Request) -> Response:
        """``POST ranks/{meeting}``."""
        principal = await identify(request, self._service)
        meeting = _meeting(request)
        message = await read_message(request, RankNotes)
        _check(message)
        await run_in_threadpool(self._keep, principal, meeting, message)
        return JsonResponse({})

    async def names(self, request: Request) -> Response:
        """``GET ranks/{meeting}``."""
        await identify(request, self._service)
        meeting = _meeting(request)

        def look() -> RankNames:
            with self._service.database.reading() as connection:
                return RankNames(ranks.names_of_notes(connection, meeting))

        return JsonResponse(await run_in_threadpool(look))

    async def read(self, request: Request) -> Response:
        """``GET ranks/{meeting}/{note}``."""
        await identify(request, self._service)
        meeting, name = _meeting(request), request.path_params["note"]
        _check_name(name)

        def look() -> RankNoteReply:
            with self._service.database.reading() as connection:
                return RankNoteReply(ranks.note_named(connection, meeting, name))

        return JsonResponse(await run_in_threadpool(look))

    def _keep(self, principal: Principal, meeting: str, message: RankNotes) -> None:
        author, now_s = principal.machine or principal.role, self._service.clock()
        with self._service.database.writing_alone() as connection:
            ranks.forget_old_notes(connection, now_s)
            ranks.drop_notes(connection, meeting, message.drop)
            for note in message.notes:
                if not ranks.add_note(connection, meeting, note, author=author, now_s=now_s):
                    raise RefusalError(409, f"another note lies there already: {note.name}")
            if message.notes:
                _check_room(connection, meeting, author, self._limits)


def _check_room(connection: sa.Connection, meeting: str, author: str, limits: Limits) -> None:
    """Raise where it became too much, which then is not kept."""
    here = ranks.size_of_meeting(connection, meeting)
    if here.notes > limits.meeting_notes or here.size_bytes > limits.meeting_bytes:
        raise RefusalError(409, f"too much for one meeting: {here.notes} notes", _HINT)
    if ranks.size_of_author(connection, author).size_bytes > limits.author_bytes:
        raise RefusalError(409, "too much for one day from here", _HINT)


def _check(message: RankNotes) -> None:
    for name in [*(each.name for each in message.notes), *message.drop]:
        _check_name(name)
    for note in message.notes:
        if not note.text or len(note.text.encode("utf-8", "replace")) > _NOTE_BYTES:
            raise RefusalError(413, f"a note is 1 to {_NOTE_BYTES} bytes: {note.name}", _HINT)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise RefusalError(400, "malformed: not a note's name")


def _meeting(request: Request) -> str:
    meeting = str(request.path_params["meeting"])
    if not _MEETING.fullmatch(meeting):
        raise RefusalError(404, "there is no such meeting: its name is 32 hexadecimal digits")
    return meeting
