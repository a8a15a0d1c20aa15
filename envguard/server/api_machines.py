"""What machines ask: to be let in, to say how things stand, to send what the server lacks."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from envguard.domain.environment import Snapshot, digest_of, is_digest
from envguard.log import get_log
from envguard.server.auth import identify_machine, identify_runner
from envguard.server.body import read_message
from envguard.server.fields import check_name, check_text
from envguard.server.judging import machine_moved, snapshot_came
from envguard.server.refusals import JsonResponse, RefusalError
from envguard.server.service import Service
from envguard.server.store import access, contents, machines
from envguard.server.tokens import digest_of_secret, new_secret
from envguard.wire import (
    EnrolReply,
    EnrolRequest,
    Records,
    RecordsReply,
)

_log = get_log(__name__)
_LABELS_LIMIT = 64
_ENROL_LIMIT_BYTES = 256 * 1024


class MachineApi:
    """The routes of machines."""

    def __init__(self, service: Service) -> None:
        """Answer by this service."""
        self._service = service

    async def enrol(self, request: Request) -> Response:
        """``POST enroll``."""
        # Nobody has said who he is yet: what anybody may send is small.
        message = await read_message(request, EnrolRequest, limit_bytes=_ENROL_LIMIT_BYTES)
        check_name("machine", message.machine)
        check_name("name", message.name)
        if len(message.labels) > _LABELS_LIMIT:
            raise RefusalError(400, f"malformed body: more than {_LABELS_LIMIT} labels - at `$.labels`")
        for key, value in message.labels.items():
            check_name("labels", key)
            check_text("labels", value)
        return JsonResponse(await run_in_threadpool(self._enrol, message))

    async def put_environments(self, request: Request) -> Response:
        """``PUT environments``."""
        machine = await identify_machine(request, self._service)
        message = await read_message(request, Records)
        paths = set()
        for index, record in enumerate(message.records):
            if not is_digest(record.digest):
                raise RefusalError(400, f"malformed body: not a digest - at `$.records[{index}].digest`")
            if record.path in paths:
                raise RefusalError(400, f"malformed body: a path occurs twice - at `$.records[{index}].path`")
            paths.add(record.path)
        return JsonResponse(await run_in_threadpool(self._put_environments, machine, message))

    async def put_snapshot(self, request: Request) -> Response:
        """``PUT snapshots/{digest}``: of a machine's environment, or of one in which something ran."""
        await identify_runner(request, self._service)
        named = request.path_params["digest"]
        if not is_digest(named):
            raise RefusalError(400, "the address does not end in a digest")
        snapshot = await read_message(request, Snapshot)
        _check_packages(snapshot)
        await run_in_threadpool(self._put_snapshot, named, snapshot)
        return Response(status_code=204)

    def _enrol(self, message: EnrolRequest) -> EnrolReply:
        service = self._service
        secret = new_secret("machine")
        with service.database.writing_alone() as connection:
            why = access.use_join_token(connection, digest_of_secret(message.token), service.clock())
            if why is not None:
                sentence = "the server does not know this join string" if why == "unknown" else None
                raise RefusalError(
                    403, sentence or f"the join string is {why}", "ask the admin for one: envguard token new"
                )
            holder = machines.machine_named(connection, message.name)
            if holder not in (None, message.machine):
                raise RefusalError(
                    409,
                    f"another machine has this name already: {message.name}",
                    "give this one another: envguard join STRING --name NAME",
                )
            machines.enrol(connection, message, digest_of_secret(secret), service.clock())
            machine_moved(connection, message.machine, service.now())
        _log.info("machine_enrolled", machine=message.name)
        return EnrolReply(secret, service.interval_s)

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
