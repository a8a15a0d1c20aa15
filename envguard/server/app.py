"""The server as an ASGI application: which address is answered by what."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from envguard.server.api_admission import AdmissionApi
from envguard.server.api_audit import AuditApi
from envguard.server.api_checkin import CheckinApi
from envguard.server.api_lists import ListApi
from envguard.server.api_machines import MachineApi
from envguard.server.api_operations import OperationsApi
from envguard.server.api_people import PeopleApi
from envguard.server.api_ranks import RanksApi
from envguard.server.api_receipts import ReceiptApi
from envguard.server.api_tokens import TokenApi
from envguard.server.api_waivers import WaiverApi
from envguard.server.guarding import ActRoute, Gate, open_route
from envguard.server.observing import Observed
from envguard.server.pages import Pages
from envguard.server.refusals import exception_handlers
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
    routes: list[BaseRoute] = [
        Mount(
            "/api/v1",
            routes=[
                *_of_machines(gate, service, checkins),
                *_of_people(gate, service),
                *_of_admins(gate, service),
            ],
        ),
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


def _of_machines(gate: Gate, service: Service, checkins: CheckinApi) -> list[ActRoute]:
    machine = MachineApi(service)
    ranks, receipts = RanksApi(service), ReceiptApi(service)
    return [
        open_route("POST", "/enroll", machine.enrol),
        ActRoute("POST", "/checkin", "report", checkins),
        gate.route("POST", "/secret", "report", machine.renew_secret),
        open_route("POST", "/secret/use", machine.use_secret),
        gate.route("PUT", "/environments", "report", machine.put_environments),
        gate.route("PUT", "/snapshots/{digest}", "run", machine.put_snapshot),
        gate.route("GET", "/ranks/{meeting}", "run", ranks.names),
        gate.route("POST", "/ranks/{meeting}", "run", ranks.write),
        gate.route("GET", "/ranks/{meeting}/{name}", "run", ranks.read),
        gate.route("GET", "/receipts", "read", receipts.list),
        gate.route("POST", "/receipts", "run", receipts.tell),
    ]


def _of_people(gate: Gate, service: Service) -> list[ActRoute]:
    people, waivers, lists = PeopleApi(service), WaiverApi(service), ListApi(service)
    return [
        open_route("GET", "/ca", people.get_authority),
        gate.route("GET", "/policies", "read", people.get_policies),
        gate.route("POST", "/policies", "decide", people.push_policy),
        gate.route("POST", "/policies/plan", "look-around", people.plan_policy),
        gate.route("GET", "/policies/{name}", "read", people.get_policy),
        gate.route("GET", "/policies/{name}/revisions", "read", people.get_revisions),
        gate.route("GET", "/waivers", "read", waivers.list),
        gate.route("POST", "/waivers", "ask", waivers.ask),
        gate.route("POST", "/waivers/{number}/{decision}", "decide", waivers.decide),
        gate.route("GET", "/team", "read", people.get_team),
        gate.route("GET", "/team/machines", "read", lists.machines),
        gate.route("GET", "/team/environments", "read", lists.environments),
        gate.route("GET", "/team/findings", "read", lists.findings),
        gate.route("GET", "/team/packages/{name}", "read", lists.package),
    ]


def _of_admins(gate: Gate, service: Service) -> list[ActRoute]:
    tokens = TokenApi(service)
    admission, audit = AdmissionApi(service), AuditApi(service)
    return [
        gate.route("GET", "/whoami", "read", tokens.whoami),
        gate.route("GET", "/tokens", "administer", tokens.list),
        gate.route("POST", "/tokens", "administer", tokens.new_join),
        gate.route("POST", "/tokens/people", "administer", tokens.new_person),
        gate.route("POST", "/tokens/revoke", "administer", tokens.revoke),
        gate.route("GET", "/machines", "look-around", admission.list),
        gate.route("POST", "/machines/{name}/approve", "administer", admission.approve),
        gate.route("POST", "/machines/{name}/retire", "administer", admission.retire),
        gate.route("GET", "/audit", "administer", audit.list),
    ]
