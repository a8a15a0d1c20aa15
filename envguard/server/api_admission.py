"""What people ask of machines as such: which there are, and, as an admin, who is let in and who goes."""

from __future__ import annotations

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from envguard.log import get_log
from envguard.server.auth import entry_by
from envguard.server.body import read_message
from envguard.server.judging import machine_moved
from envguard.server.refusals import JsonResponse, RefusalError
from envguard.server.service import Service
from envguard.server.store import admission, audit, cases, machines, tokens
from envguard.server.store.access import Principal
from envguard.wire import MachineDone, Machines, RetireRequest

_LIMIT_BYTES = 4096
_LISTED = "list them: envguard machines list"

_log = get_log(__name__)


class AdmissionApi:
    """The routes of machines as such."""

    def __init__(self, service: Service) -> None:
        """Answer by this service."""
        self._service = service

    async def list(self, _request: Request, _principal: Principal) -> Response:
        """``GET machines``."""

        def look() -> Machines:
            with self._service.database.reading() as connection:
                return Machines(admission.machine_rows(connection))

        return JsonResponse(await run_in_threadpool(look))

    async def approve(self, request: Request, principal: Principal) -> Response:
        """``POST machines/{machine}/approve``."""
        name = request.path_params["machine"]
        return JsonResponse(await run_in_threadpool(self._approve, principal, name))

    async def retire(self, request: Request, principal: Principal) -> Response:
        """``POST machines/{machine}/retire``: its secret lets nobody in from the next request on."""
        wish = await read_message(request, RetireRequest, limit_bytes=_LIMIT_BYTES)
        name = request.path_params["machine"]
        return JsonResponse(await run_in_threadpool(self._retire, principal, name, is_lost=wish.is_lost))

    def _approve(self, principal: Principal, name: str) -> MachineDone:
        now_s = self._service.clock()
        with self._service.database.writing_alone() as connection:
            waiting = admission.waiting_machine(connection, name)
            if waiting is not None:
                admission.let_in(connection, waiting, now_s)
                machine_moved(connection, waiting.machine, self._service.now())
                audit.record(connection, entry_by(principal, "machine.approve", name), now_s)
            elif machines.machine_named(connection, name) is None:
                raise RefusalError(404, f"no machine of this name waits: {name}", _LISTED)
        _log.info("machine_approved", machine=name, by=principal.name)
        return MachineDone(name=name, state="joined")

    def _retire(self, principal: Principal, name: str, *, is_lost: bool) -> MachineDone:
        now_s = self._service.clock()
        with self._service.database.writing_alone() as connection:
            waiting = admission.waiting_machine(connection, name)
            machine = machines.machine_named(connection, name)
            if waiting is None and machine is None:
                raise RefusalError(404, f"the server knows no such machine: {name}", _LISTED)
            if waiting is not None:
                admission.refuse_waiting(connection, waiting, now_s)
            done = MachineDone(name=name, state="retired")
            if machine is not None:
                cases.forget_machine(connection, machine)
                gone = admission.retire(connection, machine, "lost" if is_lost else "retired", now_s)
                done = MachineDone(name=name, state="retired", sessions=gone.sessions)
                if is_lost:
                    done = _end_what_was_there(connection, done, gone, now_s)
            ended = f", with {', '.join(done.tokens)}" if done.tokens else ""
            act = "machine.lose" if is_lost else "machine.retire"
            audit.record(connection, entry_by(principal, act, f"{name}{ended}"), now_s)
        _log.info("machine_retired", machine=name, is_lost=is_lost, by=principal.name)
        return done


def _end_what_was_there(
    connection: sa.Connection, done: MachineDone, gone: admission.Retired, now_s: float
) -> MachineDone:
    """End the tokens that were used on a lost machine, what was made with them, and what it joined by."""
    suspect = set(gone.used_there)
    for token in gone.used_there:
        suspect.update(admission.joins_made_with(connection, token))
    if gone.joined_with is not None:
        suspect.add(gone.joined_with)
    ending = [each for each in tokens.kept_tokens(connection) if each.digest in suspect]
    sessions = sum(tokens.revoke(connection, each, now_s) for each in ending)
    return MachineDone(
        name=done.name,
        state=done.state,
        tokens=tuple(each.row.id for each in ending),
        sessions=done.sessions + sessions,
    )
