"""The server as an ASGI application: which address is answered by what."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from envguard.server.api_checkin import CheckinApi
from envguard.server.api_goodbye import GoodbyeApi
from envguard.server.api_lists import ListApi
from envguard.server.api_machines import MachineApi
from envguard.server.api_operations import OperationsApi
from envguard.server.api_people import PeopleApi
from envguard.server.api_ranks import RanksApi
from envguard.server.api_receipts import ReceiptApi
from envguard.server.api_waivers import WaiverApi
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
    machine, people, pages = MachineApi(service), PeopleApi(service), Pages(service)
    checkins, lists = CheckinApi(service), ListApi(service)
    waivers, ranks, receipts = WaiverApi(service), RanksApi(service), ReceiptApi(service)
    api = [
        Route("/enroll", machine.enrol, methods=["POST"]),
        Route("/checkin", checkins, methods=["POST"]),
        Route("/goodbye", GoodbyeApi(service).goodbye, methods=["POST"]),
        Route("/environments", machine.put_environments, methods=["PUT"]),
        Route("/snapshots/{digest}", machine.put_snapshot, methods=["PUT"]),
        Route("/policies", people.get_policies, methods=["GET"]),
        Route("/policies", people.push_policy, methods=["POST"]),
        Route("/policies/plan", people.plan_policy, methods=["POST"]),
        Route("/policies/{name}", people.get_policy, methods=["GET"]),
        Route("/policies/{name}/revisions", people.get_revisions, methods=["GET"]),
        Route("/ranks/{meeting}", ranks.names, methods=["GET"]),
        Route("/ranks/{meeting}", ranks.write, methods=["POST"]),
        Route("/ranks/{meeting}/{name}", ranks.read, methods=["GET"]),
        Route("/waivers", waivers.list, methods=["GET"]),
        Route("/waivers", waivers.ask, methods=["POST"]),
        Route("/waivers/{number}/{decision}", waivers.decide, methods=["POST"]),
        Route("/receipts", receipts.list, methods=["GET"]),
        Route("/receipts", receipts.tell, methods=["POST"]),
        Route("/team", people.get_team, methods=["GET"]),
        Route("/team/machines", lists.machines, methods=["GET"]),
        Route("/team/environments", lists.environments, methods=["GET"]),
        Route("/team/findings", lists.findings, methods=["GET"]),
        Route("/team/packages/{name}", lists.package, methods=["GET"]),
        Route("/ca", people.get_authority, methods=["GET"]),
        Route("/tokens", people.new_token, methods=["POST"]),
    ]
    operations = OperationsApi(service)
    routes = [
        Mount("/api/v1", routes=api),
        Route("/healthz", operations.health, methods=["GET"]),
        Route("/readyz", operations.readiness, methods=["GET"]),
        Route("/metrics", operations.metrics, methods=["GET"]),
        Route("/", pages.team, methods=["GET"]),
        Route("/login", pages.sign_in_form, methods=["GET"]),
        Route("/login", pages.sign_in, methods=["POST"]),
        Route("/logout", pages.sign_out, methods=["POST"]),
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
    ]
    app = App(service, routes)
    app.checkins = checkins
    return app
