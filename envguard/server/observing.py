"""Watches every request from outside of all else: its id, one line in the log, and its place in the metrics.

Rules
1. A request has one id: the sender's ``X-Request-Id`` where it is short and harmless, else one that is made.
   The answer carries it, so does every error's document, and every line that is logged on the way.
2. Route templates are told and counted, never addresses: an address may carry what is nobody's business, and
   anybody can make up as many as he likes.
3. No header and no body is ever told.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping

from starlette.requests import Request
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from envguard.log import begin_unit, get_log
from envguard.server.metrics import Metrics

HEADER = "X-Request-Id"
OTHER = "other"
"""The route of what leads nowhere, and the method of what is none."""

_RAW_HEADER = HEADER.lower().encode()
_WELL_FORMED = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"))
_KEY = "envguard.note"

_log = get_log(__name__)


class Note:
    """What is known of a request under way."""

    __slots__ = ("id", "route", "status", "who")

    def __init__(self, id_: str) -> None:
        """Begin with the request's id."""
        self.id = id_
        self.who: str | None = None
        """Kind and id of who asks, once that is known: ``machine:ID``."""
        self.route: str | None = None
        """Told by what answers before there is any routing; None: it is seen from where it led."""
        self.status: int | None = None
        """None where nobody was there any more to be answered."""


class Observed:
    """An application around another, which sees each request and each answer."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        routes: Iterable[BaseRoute],
        *,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """``routes`` are those of the application: their templates are what is told."""
        self._app = app
        self._metrics = metrics
        self._templates = _templates(routes)
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the application inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        note = Note(_id_of(scope["headers"]))
        scope[_KEY] = note
        begin_unit(request=note.id)

        async def observe(message: Message) -> None:
            if message["type"] == "http.response.start":
                note.status = message["status"]
                message["headers"] = [*message.get("headers", ()), (_RAW_HEADER, note.id.encode())]
            await send(message)

        began_s = self._clock()
        self._metrics.under_way.inc()
        try:
            await self._app(scope, receive, observe)
        finally:
            self._metrics.under_way.dec()
            self._tell(scope, note, self._clock() - began_s)

    def _tell(self, scope: Scope, note: Note, took_s: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else OTHER
        route = note.route or self._templates.get(id(scope.get("endpoint")), OTHER)
        self._metrics.count_answer(method, route, note.status, took_s)
        _log.info(
            "request_answered",
            method=method,
            route=route,
            status=note.status,
            took_ms=round(took_s * 1000, 1),
            who=note.who,
        )


def note_of(request: Request) -> Note:
    """Answer the note of a request; a fresh one where nobody watches."""
    note = request.scope.get(_KEY)
    return note if isinstance(note, Note) else Note("")


def _id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    sent = next((value for key, value in headers if key == _RAW_HEADER), b"")
    return sent.decode() if _WELL_FORMED.fullmatch(sent) else secrets.token_hex(8)


def _templates(routes: Iterable[BaseRoute], prefix: str = "") -> Mapping[int, str]:
    """Answer the template of what each route leads to, by that object's id: not all can be hashed."""
    found: dict[int, str] = {}
    for route in routes:
        if isinstance(route, Route):
            found[id(route.endpoint)] = prefix + route.path
        elif isinstance(route, Mount):
            inner = _templates(route.routes, prefix + route.path)
            found.update(inner or {id(route.app): prefix + route.path})
    return found
