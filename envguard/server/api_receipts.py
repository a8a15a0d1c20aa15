"""What people and machines ask and tell of runs; :mod:`envguard.server.receipts` decides."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from envguard.server.body import read_message
from envguard.server.receipts import list_runs, tell_run
from envguard.server.refusals import JsonResponse
from envguard.server.service import Service
from envguard.server.store.access import Principal
from envguard.wire import RUN_LIMIT_BYTES, RunMessage


class ReceiptApi:
    """The routes of receipts."""

    def __init__(self, service: Service) -> None:
        """Answer by this service."""
        self._service = service

    async def tell(self, request: Request, principal: Principal) -> Response:
        """``POST receipts``."""
        message = await read_message(request, RunMessage, limit_bytes=RUN_LIMIT_BYTES)
        return JsonResponse(await run_in_threadpool(tell_run, self._service, principal, message))

    async def list(self, request: Request, principal: Principal) -> Response:
        """``GET receipts``: the newest first."""
        return await run_in_threadpool(lambda: JsonResponse(list_runs(self._service, principal, request)))
