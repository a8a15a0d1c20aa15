"""What machines ask: to be let in, to say how things stand, to send what the server lacks."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from envguard.domain.environment import Snapshot, digest_of, is_digest
from envguard.domain.policy import Waiver
from envguard.log import get_log
from envguard.server.auth import machine_in, secret_in
from envguard.server.body import read_message
from envguard.server.fields import check_name, check_text
from envguard.server.joining import check_labels, enrol, offer_secret, take_offered
from envguard.server.limits import Attempts, address_of
from envguard.server.refusals import JsonResponse, RefusalError
from envguard.server.service import Service, judge_and_keep
from envguard.server.store import admission, contents, machines, policies, waivers
from envguard.server.store.access import Principal
from envguard.wire import (
    PROTOCOL,
    Checkin,
    CheckinReply,
    EnrolRequest,
    Records,
    RecordsReply,
    waivers_digest,
)

_log = get_log(__name__)
_LARGEST_SEQ = 2**63 - 1
SECRET_S = 30 * 24 * 3600.0
"""How old a machine's secret gets before the machine is told to take another."""
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

    async def checkin(self, request: Request, principal: Principal) -> Response:
        """``POST checkin``."""
        message = await read_message(request, Checkin)
        if message.protocol != PROTOCOL:
            side = "server" if message.protocol > PROTOCOL else "agent"
            spoken = f"the agent speaks protocol {message.protocol}, the server {PROTOCOL}"
            raise RefusalError(426, f"{spoken}: upgrade the {side}", "pip install --upgrade envguard")
        check_name("epoch", message.epoch)
        check_text("version", message.version)
        if not 0 <= message.seq <= _LARGEST_SEQ:
            raise RefusalError(400, "malformed body: not a sequence number - at `$.seq`")
        return JsonResponse(await run_in_threadpool(self._checkin, machine_in(principal), message))

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

    async def put_snapshot(self, request: Request, principal: Principal) -> Response:
        """``PUT snapshots/{digest}``: of a machine's environment, or of one in which something ran."""
        named = request.path_params["digest"]
        if not is_digest(named):
            raise RefusalError(400, "the address does not end in a digest")
        snapshot = await read_message(request, Snapshot)
        await run_in_threadpool(self._put_snapshot, principal.machine, named, snapshot)
        return Response(status_code=204)

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
            is_old = admission.secret_age_s(connection, machine, service.clock()) > SECRET_S
            granted = waivers.waivers_in_force(connection, service.clock(), machine=machine)
        return CheckinReply(
            wants_records=wants_records,
            policies_changed=revisions != message.policies or _waivers_moved(message, granted),
            next_in_s=service.interval_s,
            renew_secret=is_old,
        )

    def _put_environments(self, machine: str, message: Records) -> RecordsReply:
        with self._service.database.writing() as connection:
            machines.replace_records(connection, machine, message)
            missing = machines.missing_snapshots(connection, machine)
        if not missing:
            judge_and_keep(self._service, machine)
        return RecordsReply(missing)

    def _put_snapshot(self, machine: str | None, named: str, snapshot: Snapshot) -> None:
        digest = digest_of(snapshot)
        if digest != named:
            raise RefusalError(400, f"the snapshot has another digest than the address says: {digest}")
        with self._service.database.writing() as connection:
            contents.add_snapshot(connection, digest, snapshot)
            missing = machines.missing_snapshots(connection, machine) if machine is not None else ()
        if machine is not None and not missing:
            judge_and_keep(self._service, machine)


def _waivers_moved(message: Checkin, granted: Mapping[str, tuple[Waiver, ...]]) -> bool:
    """Whether the agent holds other waivers than those that concern its machine now."""
    now = waivers_digest(waiver for each in granted.values() for waiver in each)
    return message.waivers not in (None, now)
