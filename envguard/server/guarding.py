"""The one gate: every route says which act it is, and nobody gets further whose role may not do it.

Rules
1. Who asks, and whether he may, is found out before anything else of a request is looked at.
2. Who was identified and may not change what he tried to change stands in the audit log, so often at most.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from envguard.domain.rights import AUDITED, Act, may
from envguard.server.auth import entry_by, identify, not_allowed
from envguard.server.limits import Attempts, Rate
from envguard.server.refusals import RefusalError
from envguard.server.service import Service
from envguard.server.store import audit
from envguard.server.store.access import Principal

OpenAnswer = Callable[[Request], Awaitable[Response]]
"""Answers anybody: who is let in is decided by what was sent."""

Answer = Callable[[Request, Principal], Awaitable[Response]]
"""Answers who was identified, and may do it."""

_RECORDED_OF_EACH = Rate(20, 180.0)
_RECORDED_OF_ALL = Rate(1000, 1.0)
"""Refusals that the audit log takes: who has a token of any kind must not be able to fill the disk."""


class ActRoute(Route):
    """One method at one address, and what it is to do it."""

    def __init__(self, method: str, path: str, act: Act, endpoint: OpenAnswer | ASGIApp) -> None:
        """Route requests of this method; ``act`` says who gets an answer.

        What comes through no gate identifies who asks itself.
        """
        super().__init__(path, endpoint, methods=[method])
        self.act = act


class Gate:
    """Makes routes that identify who asks before anything of the request is looked at."""

    def __init__(self, service: Service) -> None:
        """Let in by this service."""
        self._service = service
        self._refused = Attempts(service.clock, each=_RECORDED_OF_EACH, all_=_RECORDED_OF_ALL)

    def route(self, method: str, path: str, act: Act, answer: Answer) -> ActRoute:
        """Answer a route for those who may do this."""
        is_recorded = act in AUDITED and method != "GET"

        async def guarded(request: Request) -> Response:
            principal = await identify(request, self._service)
            if may(principal.role, act):
                return await answer(request, principal)
            if is_recorded:
                await run_in_threadpool(self._record, principal, act, f"{method} {path}")
            raise await run_in_threadpool(not_allowed, self._service, principal, act)

        return ActRoute(method, path, act, guarded)

    def _record(self, principal: Principal, act: Act, tried: str) -> None:
        try:
            self._refused.check(principal.token)
        except RefusalError:
            return
        self._refused.failed(principal.token)
        entry = entry_by(principal, act, tried, outcome="refused")
        with self._service.database.writing() as connection:
            audit.record(connection, entry, self._service.clock())


def open_route(method: str, path: str, answer: OpenAnswer) -> ActRoute:
    """Answer a route for everybody."""
    return ActRoute(method, path, "enter", answer)
