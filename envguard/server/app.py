"""The server as an ASGI application: which address is answered by what."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from envguard.server.api_machines import MachineApi
from envguard.server.api_people import PeopleApi
from envguard.server.api_ranks import RanksApi
from envguard.server.api_receipts import ReceiptApi
from envguard.server.api_waivers import WaiverApi
from envguard.server.pages import Pages
from envguard.server.refusals import exception_handlers
from envguard.server.service import Service


def make_app(service: Service) -> Starlette:
    """Answer the application of a service."""
    machine, people, pages = MachineApi(service), PeopleApi(service), Pages(service)
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
        Route("/ca", people.get_authority, methods=["GET"]),
        Route("/tokens", people.new_token, methods=["POST"]),
    ]
    routes = [
        Mount("/api/v1", routes=api),
        Route("/healthz", people.health, methods=["GET"]),
        Route("/", pages.team, methods=["GET"]),
        Route("/login", pages.sign_in_form, methods=["GET"]),
        Route("/login", pages.sign_in, methods=["POST"]),
        Route("/logout", pages.sign_out, methods=["POST"]),
        Mount("/static", StaticFiles(directory=Path(__file__).parent / "static")),
    ]
    return Starlette(routes=routes, exception_handlers=exception_handlers())
