"""The pages: the team's report as plain HTML, without scripts, behind a sign-in by token."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from envguard.domain.rights import may
from envguard.log import get_log
from envguard.report.causes import causes, headline, pending_lines, waived
from envguard.server.auth import COOKIE, SESSION_S, entry_by, signed_in, words_of
from envguard.server.forms import check_origin, read_field
from envguard.server.limits import Attempts, address_of
from envguard.server.refusals import RefusalError
from envguard.server.reporting import team_report
from envguard.server.service import Service
from envguard.server.store import audit
from envguard.server.store.access import (
    Principal,
    Stranger,
    add_session,
    end_session,
    who_has,
    who_is_signed_in,
)
from envguard.server.store.tokens import note_use
from envguard.server.team import as_told_to
from envguard.server.tokens import digest_of_secret, form_key_of, is_same_secret, new_secret
from envguard.wire import TeamReport

_log = get_log(__name__)
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with `no-referrer`, browsers send `Origin: null` with our own forms
    "Cache-Control": "no-store",
}


class Pages:
    """The routes of the pages."""

    def __init__(self, service: Service) -> None:
        """Answer by this service."""
        self._service = service
        self._attempts = Attempts(service.clock)
        self._templates = Environment(
            loader=PackageLoader("envguard.server"), autoescape=select_autoescape(default=True)
        )

    async def team(self, request: Request) -> Response:
        """``GET /``: how the team stands."""
        principal = await signed_in(request, self._service)
        if principal is None:
            return RedirectResponse("/login", 303, _HEADERS)
        only, session = request.query_params.get("policy"), request.cookies[COOKIE]
        try:
            return await run_in_threadpool(self._team, principal, session, only)
        except RefusalError as refused:
            return self._page("refused.html", refused.status, message=refused.refusal.error)

    async def sign_in_form(self, _request: Request) -> Response:
        """``GET /login``."""
        return self._page("login.html", 200, message=None)

    async def sign_in(self, request: Request) -> Response:
        """``POST /login``: a token for a session."""
        address = address_of(request, self._service.proxies)
        try:
            self._attempts.check(address)
            check_origin(request, self._service.url)
            token = await read_field(request, "token")
        except RefusalError as refused:
            answer = self._page("login.html", refused.status, message=refused.refusal.error)
            answer.headers.update(refused.headers or {})
            return answer
        if not token:
            return self._page("login.html", 400, message="there is no token in this form")
        session = await run_in_threadpool(self._open_session, token)
        if isinstance(session, Stranger):
            self._attempts.failed(address)
            _log.warning("sign_in_refused", address=address, why=session.why)
            return self._page("login.html", 403, message=words_of(session))
        entered = RedirectResponse("/", 303, _HEADERS)
        is_secure = self._service.url.startswith("https://")
        entered.set_cookie(
            COOKIE, session, max_age=int(SESSION_S), httponly=True, samesite="strict", secure=is_secure
        )
        return entered

    async def sign_out(self, request: Request) -> Response:
        """``POST /logout``: from a page of this session."""
        session = request.cookies.get(COOKIE, "")
        try:
            check_origin(request, self._service.url)
            if session and not is_same_secret(await read_field(request, "key"), form_key_of(session)):
                raise RefusalError(403, "this form is not of this session's page", "open the page again")
        except RefusalError as refused:
            return self._page("refused.html", refused.status, message=refused.refusal.error)
        await run_in_threadpool(self._end_session, session)
        answer = RedirectResponse("/login", 303, _HEADERS)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    def _team(self, principal: Principal, session: str, only: str | None) -> Response:
        report = team_report(self._service, only)
        told = report if may(principal.role, "look-around") else as_told_to(principal.name, report)
        return self._page("team.html", 200, **_shown(told, only), who=principal, key=form_key_of(session))

    def _open_session(self, token: str) -> str | Stranger:
        digest, session, now_s = digest_of_secret(token), new_secret("session"), self._service.clock()
        with self._service.database.writing() as connection:
            found = who_has(connection, digest, now_s)
            if isinstance(found, Stranger):
                return found
            add_session(connection, digest_of_secret(session), digest, now_s=now_s, expires_s=SESSION_S)
            note_use(connection, digest, now_s)
            audit.record(connection, entry_by(found, "session.open", "the pages"), now_s)
        return session

    def _end_session(self, session: str) -> None:
        digest, now_s = digest_of_secret(session), self._service.clock()
        with self._service.database.writing() as connection:
            found = who_is_signed_in(connection, digest, now_s)
            end_session(connection, digest)
            if found is not None:
                audit.record(connection, entry_by(found, "session.end", "the pages"), now_s)

    def _page(self, template: str, status: int, **values: object) -> Response:
        return HTMLResponse(self._templates.get_template(template).render(values), status, _HEADERS)


def _shown(report: TeamReport, only: str | None) -> dict[str, object]:
    return {
        "headline": headline(report, only),
        "pending": pending_lines(report),
        "causes": causes(report),
        "waived": waived(report),
        "report": report,
    }
