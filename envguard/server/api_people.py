"""What people ask: policies, and the team's report."""

from __future__ import annotations

import re
from datetime import datetime

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from envguard.domain.policy import LockedPolicy, PolicySource
from envguard.domain.rights import may
from envguard.formats import parse_source
from envguard.log import get_log
from envguard.server.auth import entry_by
from envguard.server.body import read_message
from envguard.server.judging import judge_at_once, policy_moved
from envguard.server.planning import plan
from envguard.server.receipts import day_asked
from envguard.server.refusals import JsonResponse, RefusalError
from envguard.server.reporting import team_counts, team_report
from envguard.server.service import Service, StoredContents, current_revisions, known_policies
from envguard.server.store import audit, machines, policies, waivers
from envguard.server.store.access import Principal
from envguard.server.team import as_told_to, governed, holders
from envguard.wire import (
    Policies,
    PolicyRevision,
    PolicyRevisions,
    PushReply,
    RevisionRow,
    TeamReport,
)

_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)

_log = get_log(__name__)


class PeopleApi:
    """The routes of people; machines may read them too."""

    def __init__(self, service: Service) -> None:
        """Answer by this service."""
        self._service = service

    async def get_policies(self, _request: Request, principal: Principal) -> Response:
        """``GET policies``."""
        return JsonResponse(Policies(await run_in_threadpool(self._policies, principal.machine)))

    async def get_policy(self, request: Request, _principal: Principal) -> Response:
        """``GET policies/{name}``: the newest revision, or the one that ``?revision=`` says."""
        name, number = request.path_params["name"], _revision_asked(request)
        found = await run_in_threadpool(self._revision, name, number)
        if found is not None:
            return JsonResponse(found)
        which = name if number is None else f"{name} r{number}"
        listing = "list" if number is None else f"log {name}"
        hint = f"list them: envguard policy {listing}"
        raise RefusalError(404, f"the server has no such policy: {which}", hint)

    async def get_revisions(self, request: Request, _principal: Principal) -> Response:
        """``GET policies/{name}/revisions``."""
        name = request.path_params["name"]
        found = await run_in_threadpool(self._revisions, name)
        if found:
            return JsonResponse(PolicyRevisions(found))
        raise RefusalError(404, f"the server has no such policy: {name}", "list them: envguard policy list")

    async def push_policy(self, request: Request, principal: Principal) -> Response:
        """``POST policies``."""
        source = await read_message(request, PolicySource)
        return JsonResponse(await run_in_threadpool(self._push, principal, source))

    async def plan_policy(self, request: Request, _principal: Principal) -> Response:
        """``POST policies/plan``: it only reads, but what it reads is sent by whom asks."""
        source = await read_message(request, PolicySource)
        return JsonResponse(await run_in_threadpool(lambda: plan(self._service, source, _linted(source))))

    async def get_team(self, request: Request, principal: Principal) -> Response:
        """``GET team``: of one policy with ``?policy=``, with what ran since ``?since=``."""
        only, since = request.query_params.get("policy"), day_asked(request, self._service.now())
        return await run_in_threadpool(lambda: JsonResponse(self._team(principal, only, since)))

    async def get_counts(self, _request: Request, _principal: Principal) -> Response:
        """``GET team/counts``."""
        return JsonResponse(await run_in_threadpool(team_counts, self._service))

    async def get_authority(self, _request: Request) -> Response:
        """``GET ca``: the certificate whose fingerprint is in join strings. Who asks knows nobody yet."""
        if self._service.authority is None:
            hint = "its certificate is one that machines trust anyhow, or a proxy's"
            raise RefusalError(404, "this server has no authority of its own", hint)
        return Response(self._service.authority, media_type="application/x-pem-file")

    def _team(self, principal: Principal, only: str | None, since: datetime | None) -> TeamReport:
        report = team_report(self._service, only, since=since)
        return report if may(principal.role, "look-around") else as_told_to(principal.name, report)

    def _policies(self, machine: str | None) -> tuple[PolicyRevision, ...]:
        """Answer the newest revisions with their waivers; to a machine with those that concern it."""
        with self._service.database.reading() as connection:
            newest = current_revisions(connection, self._service.clock())
            granted = waivers.waivers_in_force(connection, self._service.clock(), machine=machine)
        return tuple(msgspec.structs.replace(each, waivers=granted.get(each.name, ())) for each in newest)

    def _revision(self, name: str, number: int | None) -> PolicyRevision | None:
        with self._service.database.reading() as connection:
            return policies.revision_of(connection, name, number)

    def _revisions(self, name: str) -> tuple[RevisionRow, ...]:
        with self._service.database.reading() as connection:
            return policies.revisions_of(connection, name)

    def _push(self, principal: Principal, source: PolicySource) -> PushReply:
        service, pushed = self._service, _linted(source)
        name = pushed.policy.name
        with service.database.writing_alone() as connection:
            now_s = service.clock()
            revision, is_new = policies.add_revision(connection, name, source, now_s, by=principal.name)
            if is_new:
                audit.record(
                    connection, entry_by(principal, "policy.push", f"{name} r{revision.revision}"), now_s
                )
                policy_moved(connection, name, service.now())
        judge_at_once(service)
        with service.database.reading() as connection:
            known = machines.known_machines(connection)
            governs = governed(known, known_policies(connection, service.clock()), name)
            held = () if governs else holders(known, pushed, StoredContents(connection))
        _log.info("policy_pushed", policy=name, revision=revision.revision, is_new=is_new)
        return PushReply(name=name, revision=revision.revision, is_new=is_new, governs=governs, holders=held)


def _revision_asked(request: Request) -> int | None:
    text = request.query_params.get("revision")
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise RefusalError(400, "not a revision: a number from 1 on is expected", "?revision=4")
    return int(text)


def _linted(source: PolicySource) -> LockedPolicy:
    try:
        return parse_source(source, revision=None, lock_revision=None)
    except RecursionError as error:
        raise RefusalError(422, f"{source.filename}: nested too deeply") from error
