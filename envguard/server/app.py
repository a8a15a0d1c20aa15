"""The server as an ASGI application: which address is answered by what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router
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
from envguard.server.openapi import document_text
from envguard.server.pages import Pages
from envguard.server.refusals import exception_handlers
from envguard.server.routes import API
from envguard.server.service import Service

Answer = Callable[[Request], Awaitable[Response]]


class App(Starlette):
    """An application of which every request is watched, from outside of all else."""

    def __init__(self, service: Service, routes: list[BaseRoute]) -> None:
        """Answer by this service."""
        self._service = service
        super().__init__(routes=routes, exception_handlers=exception_handlers())
        self.router.redirect_slashes = False  # who asks for another address is told so, as described

    def build_middleware_stack(self) -> ASGIApp:
        """Starlette's own answer to a failure of ours stands outside of what is added to it otherwise."""
        return Observed(super().build_middleware_stack(), self._service.metrics, self.routes)


def make_app(service: Service) -> App:
    """Answer the application of a service."""
    people, pages, operations = PeopleApi(service), Pages(service), OperationsApi(service)
    answers = _answers(service, people)
    api = [Route(each.path, answers[each.name], methods=[each.method]) for each in API]
    routes = [
        Mount("/api/v1", Router(api, redirect_slashes=False)),
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


def _answers(service: Service, people: PeopleApi) -> Mapping[str, Answer]:
    """Answer what each address of the API is answered by."""
    machine, lists = MachineApi(service), ListApi(service)
    waivers, ranks, receipts = WaiverApi(service), RanksApi(service), ReceiptApi(service)
    return {
        "enrol": machine.enrol,
        "checkin": machine.checkin,
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
        "team_machines": lists.machines,
        "team_environments": lists.environments,
        "team_findings": lists.findings,
        "team_package": lists.package,
        "get_authority": people.get_authority,
        "new_join": people.new_token,
        "describe": _describe,
    }


async def _describe(_request: Request) -> Response:
    return Response(document_text(), media_type="application/json")
