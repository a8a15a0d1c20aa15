"""What load balancers, service managers and Prometheus ask."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from prometheus_client.exposition import choose_encoder
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from envguard.errors import EnvguardError
from envguard.log import get_log
from envguard.server.metrics import TeamFigures, figures_of
from envguard.server.refusals import JsonResponse, RefusalError
from envguard.server.reporting import team_report
from envguard.server.service import Service
from envguard.server.store.access import Principal
from envguard.server.store.size import size_bytes

FRESH_S = 15.0
"""How long the team's figures are told again."""

_SHARE = 10
"""At most this share of the time is spent on looking at the team: a look of 3 s is told for 30 s."""
_PATIENCE_S = 5.0
"""How long a scrape waits for a look before it tells the last figures; Prometheus gives up after 10 s."""

_log = get_log(__name__)


class OperationsApi:
    """The routes beside the API."""

    def __init__(self, service: Service) -> None:
        """Answer by this service."""
        self._service = service
        self._look: asyncio.Task[None] | None = None
        self._looked_at_s: float | None = None
        self._took_s = 0.0

    async def health(self, _request: Request) -> Response:
        """``GET /healthz``: the process answers; whether it can work is readiness."""
        return JsonResponse({"status": "ok"})

    async def readiness(self, _request: Request) -> Response:
        """``GET /readyz``: whether requests should be sent here."""
        why_not = await self._service.readiness.why_not(self._service.database)
        if why_not is not None:
            raise RefusalError(503, why_not, "its log says more")
        return JsonResponse({"status": "ready"})

    async def metrics(self, request: Request, _principal: Principal) -> Response:
        """``GET /metrics``, for a person's token."""
        await self._look_at_team()
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        body = await run_in_threadpool(encode, self._service.metrics.registry)
        return Response(body, headers={"Content-Type": media_type})

    async def _look_at_team(self) -> None:
        """Wait for newer figures where it is time; one look at a time, whoever asks."""
        if (self._look is None or self._look.done()) and self._is_due():
            self._look = asyncio.create_task(self._renew())
        if self._look is not None and not self._look.done():
            await asyncio.wait({self._look}, timeout=_PATIENCE_S)

    def _is_due(self) -> bool:
        if self._looked_at_s is None:
            return True
        since_s = self._service.clock() - self._looked_at_s
        return not 0 <= since_s < max(FRESH_S, _SHARE * self._took_s)  # below 0: the clock was set

    async def _renew(self) -> None:
        shown, began_s = self._service.metrics.team, self._service.clock()
        try:
            shown.figures = await run_in_threadpool(_figures, self._service)
            shown.is_readable = True
        except (SQLAlchemyError, EnvguardError) as error:
            shown.is_readable = False
            _log.warning("team_not_counted", error=type(error).__name__)
        shown.ends_at_s = await run_in_threadpool(_ends, self._service.certificates)
        self._looked_at_s = self._service.clock()
        self._took_s = self._looked_at_s - began_s


def _figures(service: Service) -> TeamFigures:
    report = team_report(service)
    with service.database.reading() as connection:
        return figures_of(report, database_bytes=size_bytes(connection))


def _ends(certificates: Mapping[str, Path]) -> dict[str, float]:
    if not certificates:
        return {}
    # cryptography takes 60 ms, and not every server needs it
    from envguard.server.tls.making import validity_of

    def end_of(path: Path) -> float | None:
        try:
            return validity_of(path.read_text(encoding="ascii")).ends_at.timestamp()
        except (OSError, ValueError) as error:
            _log.warning("certificate_not_read", file=str(path), error=type(error).__name__)
            return None

    ends = {what: end_of(path) for what, path in certificates.items()}
    return {what: end_s for what, end_s in ends.items() if end_s is not None}
