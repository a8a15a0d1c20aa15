"""What people ask: policies, the team's report, join strings."""

from __future__ import annotations

import re
from typing import Annotated

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from envguard.domain.policy import LockedPolicy, PolicySource
from envguard.formats import parse_source
from envguard.log import get_log
from envguard.server.auth import identify, identify_admin, identify_person
from envguard.server.body import read_message
from envguard.server.judging import judge_at_once, policy_moved
from envguard.server.planning import plan
from envguard.server.receipts import day_asked
from envguard.server.refusals import JsonResponse, RefusalError
from envguard.server.reporting import team_counts, team_report
from envguard.server.service import Service, StoredContents, current_revisions, known_policies
from envguard.server.store import access, machines, policies, waivers
from envguard.server.team import governed, holders
from envguard.server.tokens import digest_of_secret, new_secret
from envguard.wire import (
    JoinString,
    Policies,
    PolicyRevision,
    PolicyRevisions,
    PushReply,
    RevisionRow,
    write_join,
)
from envguard.wire.certificates import fingerprint_of

JOIN_EXPIRES_S = 7 * 24 * 3600.0
JOIN_USES = 1000

_NUMBER = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)

_log = get_log(__name__)


class TokenRequest(msgspec.Struct, frozen=True):
    """``POST tokens``: how long and how often a join string lets machines in."""

    expires_s: Annotated[float, msgspec.Meta(gt=0, le=366 * 24 * 3600)] = JOIN_EXPIRES_S
    uses: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = JOIN_USES


class TokenReply(msgspec.Struct, frozen=True):
    """The one string that ``envguard join`` takes."""

    join: str


class PeopleApi:
    """The routes of people; machines may read them too."""

    def __init__(self, service: Service) -> None:
        """Answer by this service."""
        self._service = service

    async def get_policies(self, request: Request) -> Response:
        """``GET policies``."""
        principal = await identify(request, self._service)
        return JsonResponse(Policies(await run_in_threadpool(self._policies, principal.machine)))

    async def get_policy(self, request: Request) -> Response:
        """``GET policies/{name}``: the newest revision, or the one that ``?revision=`` says."""
        await identify(request, self._service)
        name, number = request.path_params["name"], _revision_asked(request)
        found = await run_in_threadpool(self._revision, name, number)
        if found is not None:
            return JsonResponse(found)
        which = name if number is None else f"{name} r{number}"
        listing = "list" if number is None else f"log {name}"
        hint = f"list them: envguard policy {listing}"
        raise RefusalError(404, f"the server has no such policy: {which}", hint)

    async def get_revisions(self, request: Request) -> Response:
        """``GET policies/{name}/revisions``."""
        await identify(request, self._service)
        name = request.path_params["name"]
        found = await run_in_threadpool(self._revisions, name)
        if found:
            return JsonResponse(PolicyRevisions(found))
        raise RefusalError(404, f"the server has no such policy: {name}", "list them: envguard policy list")

    async def push_policy(self, request: Request) -> Response:
        """``POST policies``."""
        await identify_admin(request, self._service)
        source = await read_message(request, PolicySource)
        return JsonResponse(await run_in_threadpool(self._push, source))

    async def plan_policy(self, request: Request) -> Response:
        """``POST policies/plan``: it only reads, but what it reads is sent by whom asks."""
        await identify_person(request, self._service)
        source = await read_message(request, PolicySource)
        return JsonResponse(await run_in_threadpool(lambda: plan(self._service, source, _linted(source))))

    async def get_team(self, request: Request) -> Response:
        """``GET team``: of one policy with ``?policy=``, with what ran since ``?since=``."""
        await identify(request, self._service)
        only, since = request.query_params.get("policy"), day_asked(request, self._service.now())
        return await run_in_threadpool(lambda: JsonResponse(team_report(self._service, only, since=since)))

    async def get_counts(self, request: Request) -> Response:
        """``GET team/counts``."""
        await identify(request, self._service)
        return JsonResponse(await run_in_threadpool(team_counts, self._service))

    async def new_token(self, request: Request) -> Response:
        """``POST tokens``."""
        await identify_admin(request, self._service)
        wanted = await read_message(request, TokenRequest)
        join = await run_in_threadpool(new_join, self._service, wanted.expires_s, wanted.uses)
        return JsonResponse(TokenReply(join))

    async def get_authority(self, _request: Request) -> Response:
        """``GET ca``: the certificate whose fingerprint is in join strings. Who asks knows nobody yet."""
        if self._service.authority is None:
            hint = "its certificate is one that machines trust anyhow, or a proxy's"
            raise RefusalError(404, "this server has no authority of its own", hint)
        return Response(self._service.authority, media_type="application/x-pem-file")

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

    def _push(self, source: PolicySource) -> PushReply:
        service, pushed = self._service, _linted(source)
        name = pushed.policy.name
        with service.database.writing_alone() as connection:
            revision, is_new = policies.add_revision(connection, name, source, service.clock())
            if is_new:
                policy_moved(connection, name, service.now())
        judge_at_once(service)
        with service.database.reading() as connection:
            known = machines.known_machines(connection)
            governs = governed(known, known_policies(connection, service.clock()), name)
            held = () if governs else holders(known, pushed, StoredContents(connection))
        _log.info("policy_pushed", policy=name, revision=revision.revision, is_new=is_new)
        return PushReply(name=name, revision=revision.revision, is_new=is_new, governs=governs, holders=held)


def new_join(service: Service, expires_s: float = JOIN_EXPIRES_S, uses: int = JOIN_USES) -> str:
    """Answer a fresh join string; its token is kept only as a digest."""
    token = new_secret("join")
    with service.database.writing() as connection:
        access.add_join_token(
            connection, digest_of_secret(token), now_s=service.clock(), expires_s=expires_s, uses=uses
        )
    authority = None if service.authority is None else fingerprint_of(service.authority)
    return write_join(JoinString(service.url, token, authority))


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
