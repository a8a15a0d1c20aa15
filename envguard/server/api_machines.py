"""What machines ask: to be let in, to say how things stand, to send what the server lacks."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from envguard.domain.environment import Snapshot, digest_of, is_digest
from envguard.log import get_log
from envguard.server.auth import machine_in, secret_in
from envguard.server.body import read_message
from envguard.server.fields import check_name
from envguard.server.joining import check_labels, enrol, offer_secret, take_offered
from envguard.server.judging import machine_moved, snapshot_came
from envguard.server.limits import Attempts, address_of
from envguard.server.refusals import JsonResponse, RefusalError
from envguard.server.service import Service
from envguard.server.store import contents, machines
from envguard.server.store.access import Principal
from envguard.wire import (
    EnrolRequest,
    Records,
    RecordsReply,
)

_log = get_log(__name__)
_ENROL_LIMIT_BYTES = 256 * 1024


class MachineApi:
    """The routes of machines."""

    def __init__(self, service: Service) -> None:
        """Answer by this service."""
        self._service = service
        self._attempts = Attempts(service.clock)

    async def enrol(self, request: Request) -> Response:
        """``POST enroll``."""
        address = address_of(request, self._service.proxies)
        self._attempts.check(address)
        # Nobody has said who he is yet: what anybody may send is small.
        message = await read_message(request, EnrolRequest, limit_bytes=_ENROL_LIMIT_BYTES)
        check_name("machine", message.machine)
        check_name("name", message.name)
        check_labels(message.labels)
        try:
            return JsonResponse(await run_in_threadpool(enrol, self._service, message))
        except RefusalError:
            self._attempts.failed(address)
            raise

    async def renew_secret(self, _request: Request, principal: Principal) -> Response:
        """``POST secret``."""
        return JsonResponse(await run_in_threadpool(offer_secret, self._service, machine_in(principal)))

    async def use_secret(self, request: Request) -> Response:
        """``POST secret/use``: whose it is is decided by this very request."""
        address = address_of(request, self._service.proxies)
        self._attempts.check(address)
        try:
            await run_in_threadpool(
                take_offered, self._service, secret_in(request.headers.get("authorization", ""))
            )
        except RefusalError:
            self._attempts.failed(address)
            raise
        return Response(status_code=204)

    async def put_environments(self, request: Request, principal: Principal) -> Response:
        """``PUT environments``."""
        message = await read_message(request, Records)
        paths = set()
        for index, record in enumerate(message.records):
            if not is_digest(record.digest):
                raise RefusalError(400, f"malformed body: not a digest - at `$.records[{index}].digest`")
            if record.path in paths:
                raise RefusalError(400, f"malformed body: a path occurs twice - at `$.records[{index}].path`")
            paths.add(record.path)
        return JsonResponse(await run_in_threadpool(self._put_environments, machine_in(principal), message))

    async def put_snapshot(self, request: Request, _principal: Principal) -> Response:
        """``PUT snapshots/{digest}``: of a machine's environment, or of one in which something ran."""
        named = request.path_params["digest"]
        if not is_digest(named):
            raise RefusalError(400, "the address does not end in a digest")
        snapshot = await read_message(request, Snapshot)
        _check_packages(snapshot)
        await run_in_threadpool(self._put_snapshot, named, snapshot)
        return Response(status_code=204)

    def _put_environments(self, machine: str, message: Records) -> RecordsReply:
        with self._service.database.writing_beside() as connection:
            machines.replace_records(connection, machine, message)
            missing = machines.missing_snapshots(connection, machine)
            machine_moved(connection, machine, self._service.now())
        return RecordsReply(missing)

    def _put_snapshot(self, named: str, snapshot: Snapshot) -> None:
        digest = digest_of(snapshot)
        if digest != named:
            raise RefusalError(400, f"the snapshot has another digest than the address says: {digest}")
        with self._service.database.writing_beside() as connection:
            contents.add_snapshot(connection, digest, snapshot)
            snapshot_came(connection, digest, self._service.now())


def _check_packages(snapshot: Snapshot) -> None:
    """Hold names and versions to what a database takes; raises RefusalError with 400."""
    for index, package in enumerate(snapshot.packages):
        if "\0" in package.name or "\0" in package.version:
            raise RefusalError(400, f"malformed body: a NUL character - at `$.packages[{index}]`")
