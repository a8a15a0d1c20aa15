"""The server as an ASGI application: which address is answered by what."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Router
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from envguard.server.api_admission import AdmissionApi
from envguard.server.api_audit import AuditApi
from envguard.server.api_checkin import CheckinApi
from envguard.server.api_goodbye import GoodbyeApi
from envguard.server.api_lists import ListApi
from envguard.server.api_machines import MachineApi
from envguard.server.api_operations import OperationsApi
from envguard.server.api_people import PeopleApi
from envguard.server.api_ranks import RanksApi
from envguard.server.api_receipts import ReceiptApi
from envguard.server.api_tokens import TokenApi
from envguard.server.api_waivers import WaiverApi
from envguard.server.guarding import ActRoute, Answer, Gate, OpenAnswer, open_route
from envguard.server.observing import Observed
from envguard.server.openapi import document_text
from envguard.server.pages import Pages
from envguard.server.refusals import exception_handlers
from envguard.server.routes import API
from envguard.server.service import Service

_CHECKIN = "/api/v1/checkin"


class App(Starlette):
    """An application of which every request is watched, from outside of all else.

    Check-ins pass by all that the other requests pass through after that.
    """

    checkins: CheckinApi | None = None

    def __init__(self, service: Service, routes: list[BaseRoute]) -> None:
        """Answer by this service."""
        self._service = service
        super().__init__(routes=routes, exception_handlers=exception_handlers())
        self.router.redirect_slashes = False  # who asks for another address is told so, as described

    def build_middleware_stack(self) -> ASGIApp:
        """Starlette's own answer to a failure of ours stands outside of what is added to it otherwise."""
        inner, checkins = super().build_middleware_stack(), self.checkins

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            is_one = scope["type"] == "http" and scope["path"] == _CHECKIN and scope["method"] == "POST"
            await (checkins if checkins is not None and is_one else inner)(scope, receive, send)

        return Observed(answer, self._service.metrics, self.routes)


def make_app(service: Service) -> App:
    """Answer the application of a service."""
    gate, pages, checkins = Gate(service), Pages(service), CheckinApi(service)
    operations = OperationsApi(service)
    guarded, opened = _guarded(service), _open(service)
    api: list[BaseRoute] = [
        ActRoute("POST", each.path, each.act, checkins)
        if each.name == "checkin"
        else gate.route(each.method, each.path, each.act, guarded[each.name])
        if each.act != "enter"
        else open_route(each.method, each.path, opened[each.name])
        for each in API
    ]
    routes: list[BaseRoute] = [
        Mount("/api/v1", Router(api, redirect_slashes=False)),
        open_route("GET", "/healthz", operations.health),
        open_route("GET", "/readyz", operations.readiness),
        gate.route("GET", "/metrics", "look-around", operations.metrics),
        ActRoute("GET", "/", "read", pages.team),
        open_route("GET", "/login", pages.sign_in_form),
        open_route("POST", "/login", pages.sign_in),
        open_route("POST", "/logout", pages.sign_out),
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
    ]
    app = App(service, routes)
    app.checkins = checkins
    return app


def _open(service: Service) -> Mapping[str, OpenAnswer]:
    """Answer by what each address is answered that is open to everybody."""
    machine, people = MachineApi(service), PeopleApi(service)
    return {
        "enrol": machine.enrol,
        "use_secret": machine.use_secret,
        "get_authority": people.get_authority,
        "describe": _describe,
    }


def _guarded(service: Service) -> Mapping[str, Answer]:
    """Answer by what each address is answered, once it is known who asks."""
    machine, people, lists = MachineApi(service), PeopleApi(service), ListApi(service)
    waivers, ranks, receipts = WaiverApi(service), RanksApi(service), ReceiptApi(service)
    tokens, admission, audit = TokenApi(service), AdmissionApi(service), AuditApi(service)
    return {
        "goodbye": GoodbyeApi(service).goodbye,
        "renew_secret": machine.renew_secret,
        "put_environments": machine.put_environments,
        "put_snapshot": machine.put_snapshot,
        "get_policies": people.get_policies,
        "push_policy": people.push_policy,
        "plan_policy": people.plan_policy,
        "get_policy": people.get_policy,
        "get_revisions": people.get_revisions,
        "rank_names": ranks.names,
        "write_rank_notes": ranks.write,
        "rank_note": ranks.read,
        "list_waivers": waivers.list,
        "ask_waiver": waivers.ask,
        "decide_waiver": waivers.decide,
        "list_runs": receipts.list,
        "tell_run": receipts.tell,
        "team": people.get_team,
        "team_counts": people.get_counts,
        "team_machines": lists.machines,
        "team_environments": lists.environments,
        "team_findings": lists.findings,
        "team_package": lists.package,
        "whoami": tokens.whoami,
        "list_tokens": tokens.list,
        "new_join": tokens.new_join,
        "new_person_token": tokens.new_person,
        "revoke_tokens": tokens.revoke,
        "list_machines": admission.list,
        "approve_machine": admission.approve,
        "retire_machine": admission.retire,
        "list_audit": audit.list,
    }


async def _describe(_request: Request) -> Response:
    return Response(document_text(), media_type="application/json")
