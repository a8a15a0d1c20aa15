"""What an agent says last."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from envguard.log import get_log
from envguard.server.auth import identify_machine
from envguard.server.body import read_message
from envguard.server.refusals import RefusalError
from envguard.server.service import Service
from envguard.server.store.leaving import keep_goodbye
from envguard.wire import Goodbye

_LIMIT_BYTES = 4096
_LARGEST_SEQ = 2**63 - 1

_log = get_log(__name__)


class GoodbyeApi:
    """The route of machines that leave."""

    def __init__(self, service: Service) -> None:
        """Answer by this service."""
        self._service = service

    async def goodbye(self, request: Request) -> Response:
        """``POST goodbye``."""
        machine = await identify_machine(request, self._service)
        said = await read_message(request, Goodbye, limit_bytes=_LIMIT_BYTES)
        if not 0 <= said.seq <= _LARGEST_SEQ:
            raise RefusalError(400, "malformed body: not a sequence number - at `$.seq`")
        if "\0" in said.epoch:
            raise RefusalError(400, "malformed body: not an epoch - at `$.epoch`")
        if not await run_in_threadpool(self._keep, machine, said):
            raise RefusalError(409, "this machine has said something later", "envguard agent")
        _log.info("machine_left", machine=machine)
        return Response(status_code=204)

    def _keep(self, machine: str, said: Goodbye) -> bool:
        with self._service.database.writing() as connection:
            return keep_goodbye(connection, machine, said, self._service.clock())
