"""The API's description is OpenAPI 3.1, whole, and true: ``Server.ask`` holds every answer to it."""

from __future__ import annotations

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.routing import Mount, Route

from envguard.server.openapi import document, document_text
from envguard.server.routes import API, Described
from tests.server.asking import GOOD, Server, a_record, records, says
from tests.server.described import hold, operation_at

PLACES = {
    "{digest}": "sha256:" + "0" * 64,
    "{name}": "rl-team",
    "{meeting}": "0" * 32,
    "{note}": "rank.0",
    "{number}": "1",
    "{decision}": "approve",
    "{package}": "numpy",
}


def address(route: Described) -> str:
    path = route.path
    for place, value in PLACES.items():
        path = path.replace(place, value)
    return path


def test_document_is_openapi_3_1() -> None:
    assert list(OpenAPIV31SpecValidator(document()).iter_errors()) == []
    assert document()["openapi"] == "3.1.0"


def test_document_is_served_to_everybody(sqlite_server: Server) -> None:
    answer = sqlite_server.ask("GET", "/openapi.json")
    assert (answer.status, answer.body) == (200, document_text())
    assert answer.json() == document()


def test_every_address_is_described_once(sqlite_server: Server) -> None:
    [api] = [each for each in sqlite_server.app.routes if isinstance(each, Mount) and each.path == "/api/v1"]
    served = [
        (method, route.path)
        for route in api.routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"
    ]
    assert sorted(served) == sorted((each.method, each.path) for each in API)
    assert len({each.name for each in API}) == len(API)
    assert all(each.says.endswith(".") for each in API)


def test_who_may_ask_is_as_described(sqlite_server: Server) -> None:
    machine = sqlite_server.enrol("ws-7")
    for route in API:

        def answered(token: str | None, route: Described = route) -> int:
            return sqlite_server.ask(route.method, address(route), b"{}", token=token).status

        name = route.name
        assert (name, answered(None) == 401) == (name, route.act != "enter")
        is_of_people = route.act in ("look-around", "decide", "administer")
        assert (name, answered(machine) == 403) == (name, is_of_people)
        assert (name, answered(sqlite_server.admin) == 403) == (name, route.act == "report")


@pytest.mark.parametrize(
    ("path", "status", "kind", "body"),
    [
        ("/team", 200, "application/json", b"{}"),
        ("/team", 200, "text/csv", b""),
        ("/team", 418, "application/json", b"{}"),
        ("/team", 401, "application/json", b'{"hint": null}'),
        ("/nowhere", 200, "application/json", b"{}"),
    ],
)
def test_an_answer_that_is_not_as_described_is_found(path: str, status: int, kind: str, body: bytes) -> None:
    with pytest.raises((AssertionError, jsonschema.ValidationError)):
        hold("GET", path, status, kind, body)


def test_what_everything_is_read_by_is_as_described(sqlite_server: Server) -> None:
    sqlite_server.push()
    sqlite_server.report(sqlite_server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
    for route in API:
        if route.method == "GET" and route.name not in ("get_authority", "rank_note"):
            answer = sqlite_server.ask("GET", address(route), token=sqlite_server.admin)
            assert (route.name, answer.status) == (route.name, 200)


@pytest.mark.parametrize("path", ["/team/", "/ranks/..%2f", "/team%2fmachines/", "/Team", "/"])
def test_another_address_is_refused_and_leads_nowhere(sqlite_server: Server, path: str) -> None:
    says(sqlite_server.ask("GET", path, token=sqlite_server.admin), 404, "there is nothing at this address")


def test_an_address_that_is_a_name_is_not_a_place() -> None:
    plan, policy = operation_at("POST", "/policies/plan"), operation_at("GET", "/policies/rl-team")
    assert plan is not None
    assert policy is not None
    assert (plan["operationId"], policy["operationId"]) == ("plan_policy", "get_policy")
