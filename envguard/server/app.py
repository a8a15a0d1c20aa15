"""The server as an ASGI application: which address is answered by what."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

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


class App(Starlette):
    """An application of which every request is watched, from outside of all else."""

    def __init__(self, service: Service, routes: list[BaseRoute]) -> None:
        """Answer by this service."""
        self._service = service
        super().__init__(routes=routes, exception_handlers=exception_handlers())

    def build_middleware_stack(self) -> ASGIApp:
        """Starlette's own answer to a failure of ours stands outside of what is added to it otherwise."""
        return Observed(super().build_middleware_stack(), self._service.metrics, self.routes)


def make_app(service: Service) -> App:
    """Answer the application of a service."""
    machine, people, pages = MachineApi(service), PeopleApi(service), Pages(service)
    lists = ListApi(service)
    waivers, ranks, receipts = WaiverApi(service), RanksApi(service), ReceiptApi(service)
    api = [
        Route("/enroll", machine.enrol, methods=["POST"]),
        Route("/checkin", machine.checkin, methods=["POST"]),
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
        Route("/team/counts", people.get_counts, methods=["GET"]),
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
    return App(service, routes)
