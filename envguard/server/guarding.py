"""The one gate: every route says which act it is, and nobody gets further whose role may not do it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from envguard.domain.rights import Act
from envguard.server.auth import identify_for
from envguard.server.service import Service
from envguard.server.store.access import Principal

OpenAnswer = Callable[[Request], Awaitable[Response]]
"""Answers anybody: who is let in is decided by what was sent."""

Answer = Callable[[Request, Principal], Awaitable[Response]]
"""Answers who was identified, and may do it."""


class ActRoute(Route):
    """One method at one address, and what it is to do it."""

    def __init__(self, method: str, path: str, act: Act, endpoint: OpenAnswer) -> None:
        """Route requests of this method; ``act`` says who gets an answer."""
        super().__init__(path, endpoint, methods=[method])
        self.act = act


class Gate:
    """Makes routes that identify who asks before anything of the request is looked at."""

    def __init__(self, service: Service) -> None:
        """Let in by this service."""
        self._service = service

    def route(self, method: str, path: str, act: Act, answer: Answer) -> ActRoute:
        """Answer a route for those who may do this."""

        async def guarded(request: Request) -> Response:
            return await answer(request, await identify_for(act, request, self._service))

        return ActRoute(method, path, act, guarded)


def open_route(method: str, path: str, answer: OpenAnswer) -> ActRoute:
    """Answer a route for everybody."""
    return ActRoute(method, path, "enter", answer)
