"""The pages: the team's report as plain HTML, without scripts, behind a sign-in by token."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from envguard.report.causes import causes, headline, pending_lines, waived
from envguard.server.auth import COOKIE, SESSION_S, signed_in
from envguard.server.forms import check_origin, read_field
from envguard.server.refusals import RefusalError
from envguard.server.reporting import team_report
from envguard.server.service import Service
from envguard.server.store.access import add_session, end_session, who_has
from envguard.server.tokens import digest_of_secret, new_secret
from envguard.wire import TeamReport

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
        self._templates = Environment(
            loader=PackageLoader("envguard.server"), autoescape=select_autoescape(default=True)
        )

    async def team(self, request: Request) -> Response:
        """``GET /``: how the team stands."""
        if await signed_in(request, self._service) is None:
            return RedirectResponse("/login", 303, _HEADERS)
        only = request.query_params.get("policy")
        try:
            return await run_in_threadpool(self._team, only)
        except RefusalError as refused:
            return self._page("refused.html", refused.status, message=refused.refusal.error)

    async def sign_in_form(self, _request: Request) -> Response:
        """``GET /login``."""
        return self._page("login.html", 200, message=None)

    async def sign_in(self, request: Request) -> Response:
        """``POST /login``: a token for a session."""
        try:
            check_origin(request, self._service.url)
            token = await read_field(request, "token")
        except RefusalError as refused:
            return self._page("login.html", refused.status, message=refused.refusal.error)
        if not token:
            return self._page("login.html", 400, message="there is no token in this form")
        session = await run_in_threadpool(self._open_session, token)
        if session is None:
            return self._page("login.html", 403, message="the server does not know this token")
        answer = RedirectResponse("/", 303, _HEADERS)
        is_secure = self._service.url.startswith("https://")
        answer.set_cookie(
            COOKIE, session, max_age=int(SESSION_S), httponly=True, samesite="strict", secure=is_secure
        )
        return answer

    async def sign_out(self, request: Request) -> Response:
        """``POST /logout``."""
        try:
            check_origin(request, self._service.url)
        except RefusalError as refused:
            return self._page("refused.html", refused.status, message=refused.refusal.error)
        await run_in_threadpool(self._end_session, request.cookies.get(COOKIE, ""))
        answer = RedirectResponse("/login", 303, _HEADERS)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    def _team(self, only: str | None) -> Response:
        return self._page("team.html", 200, **_shown(team_report(self._service, only), only))

    def _open_session(self, token: str) -> str | None:
        digest, session = digest_of_secret(token), new_secret("session")
        with self._service.database.writing() as connection:
            if who_has(connection, digest) is None:
                return None
            now_s = self._service.clock()
            add_session(connection, digest_of_secret(session), digest, now_s=now_s, expires_s=SESSION_S)
        return session

    def _end_session(self, session: str) -> None:
        with self._service.database.writing() as connection:
            end_session(connection, digest_of_secret(session))

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
