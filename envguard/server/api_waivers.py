"""What people and machines ask of waivers; :mod:`envguard.server.waivers` decides."""

from __future__ import annotations

import re
from typing import get_args

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from envguard.server.body import read_message
from envguard.server.refusals import JsonResponse, RefusalError
from envguard.server.service import Service
from envguard.server.store.access import Principal
from envguard.server.waivers import Decision, ask_for_waiver, decide_waiver, list_waivers
from envguard.wire import WaiverDecision, WaiverReply, WaiverRequest

_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_DECISIONS: tuple[Decision, ...] = get_args(Decision)
_LIMIT_BYTES = 64 * 1024


class WaiverApi:
    """The routes of waivers."""

    def __init__(self, service: Service) -> None:
        """Answer by this service."""
        self._service = service

    async def ask(self, request: Request, principal: Principal) -> Response:
        """``POST waivers``."""
        message = await read_message(request, WaiverRequest, limit_bytes=_LIMIT_BYTES)
        entry = await run_in_threadpool(ask_for_waiver, self._service, principal, message)
        return JsonResponse(WaiverReply(entry))

    async def decide(self, request: Request, principal: Principal) -> Response:
        """``POST waivers/{number}/approve``, ``refuse`` and ``end``."""
        message = await read_message(request, WaiverDecision, limit_bytes=_LIMIT_BYTES)
        number, word = request.path_params["number"], request.path_params["decision"]
        decision = next((each for each in _DECISIONS if each == word), None)
        if decision is None or not _NUMBER.fullmatch(number):
            raise RefusalError(404, "there is nothing at this address", "POST waivers/17/approve")
        entry = await run_in_threadpool(
            decide_waiver, self._service, principal, int(number), decision, message.reason
        )
        return JsonResponse(WaiverReply(entry))

    async def list(self, request: Request, principal: Principal) -> Response:
        """``GET waivers``: of one policy with ``?policy=``, also those that are over with ``?all=1``."""
        policy, is_all = request.query_params.get("policy"), request.query_params.get("all") == "1"
        return await run_in_threadpool(
            lambda: JsonResponse(list_waivers(self._service, principal, policy=policy, is_all=is_all))
        )
