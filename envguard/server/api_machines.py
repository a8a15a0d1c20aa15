"""What machines ask: to be let in, to say how things stand, to send what the server lacks."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from envguard.domain.environment import Snapshot, digest_of, is_digest
from envguard.domain.policy import Waiver
from envguard.log import get_log
from envguard.server.auth import identify_machine, identify_runner
from envguard.server.body import read_message
from envguard.server.judging import machine_moved, snapshot_came
from envguard.server.refusals import JsonResponse, RefusalError
from envguard.server.service import Service
from envguard.server.store import access, contents, machines, policies, waivers
from envguard.server.tokens import digest_of_secret, new_secret
from envguard.wire import (
    PROTOCOL,
    Checkin,
    CheckinReply,
    EnrolReply,
    EnrolRequest,
    Records,
    RecordsReply,
    waivers_digest,
)

_log = get_log(__name__)
_TEXT_LIMIT = 200
_LARGEST_SEQ = 2**63 - 1
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
        _check_name("machine", message.machine)
        _check_name("name", message.name)
        if len(message.labels) > _LABELS_LIMIT:
            raise RefusalError(400, f"malformed body: more than {_LABELS_LIMIT} labels - at `$.labels`")
        for key, value in message.labels.items():
            _check_name("labels", key)
            _check_text("labels", value)
        return JsonResponse(await run_in_threadpool(self._enrol, message))

    async def checkin(self, request: Request) -> Response:
        """``POST checkin``."""
        machine = await identify_machine(request, self._service)
        message = await read_message(request, Checkin)
        if message.protocol != PROTOCOL:
            side = "server" if message.protocol > PROTOCOL else "agent"
            spoken = f"the agent speaks protocol {message.protocol}, the server {PROTOCOL}"
            raise RefusalError(426, f"{spoken}: upgrade the {side}", "pip install --upgrade envguard")
        _check_name("epoch", message.epoch)
        _check_text("version", message.version)
        if not 0 <= message.seq <= _LARGEST_SEQ:
            raise RefusalError(400, "malformed body: not a sequence number - at `$.seq`")
        return JsonResponse(await run_in_threadpool(self._checkin, machine, message))

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

    def _checkin(self, machine: str, message: Checkin) -> CheckinReply:
        service = self._service
        with service.database.writing() as connection:
            last = machines.said_last(connection, machine)
            if machines.is_out_of_order(connection, machine, last, message):
                _log.warning("checkin_out_of_order", machine=machine, epoch=message.epoch, seq=message.seq)
                raise RefusalError(
                    409,
                    "this machine has said something later: the message is late, or two machines are one",
                    "a copied machine has to join again: envguard join STRING --name NAME",
                )
            machines.record_checkin(connection, machine, last, message, service.clock())
            is_same = last.records == message.records
            wants_records = not is_same or bool(machines.missing_snapshots(connection, machine))
            revisions = policies.newest_revisions(connection)
            granted = waivers.waivers_in_force(connection, service.clock(), machine=machine)
        return CheckinReply(
            wants_records=wants_records,
            policies_changed=revisions != message.policies or _waivers_moved(message, granted),
            next_in_s=service.interval_s,
        )

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


def _waivers_moved(message: Checkin, granted: Mapping[str, tuple[Waiver, ...]]) -> bool:
    """Whether the agent holds other waivers than those that concern its machine now."""
    now = waivers_digest(waiver for each in granted.values() for waiver in each)
    return message.waivers not in (None, now)


def _check_name(field: str, text: str) -> None:
    if not text.strip():
        raise RefusalError(400, f"malformed body: empty - at `$.{field}`")
    _check_text(field, text)


def _check_text(field: str, text: str) -> None:
    if len(text) > _TEXT_LIMIT or not text.isprintable():
        raise RefusalError(
            400, f"malformed body: over {_TEXT_LIMIT} characters, or unprintable ones - at `$.{field}`"
        )
