"""Whatever goes wrong behind a route, the answer has the one shape."""

from __future__ import annotations

import re

import click
import msgspec
import pytest
import sqlalchemy as sa
from starlette.routing import Mount, Route

from envguard.cli.commands import envguard
from envguard.errors import (
    EnvguardError,
    InventoryError,
    PolicyError,
    StateError,
    TransportError,
    UnavailableError,
    UsageError,
)
from envguard.server.app import make_app
from envguard.wire import Refusal
from tests.server.asking import Answer, Server, ask

PROBLEMS = (PolicyError("no version", where="a.yaml:4"), PolicyError("no package", where="a.yaml:5"))
AWAY = sa.exc.OperationalError("SELECT", {}, Exception("secret"))
FAILURES: list[tuple[Exception, int, str]] = [
    (UsageError("not so", where="name", hint="so"), 422, "name: not so"),
    (PolicyError("a problem", hint="so"), 422, "a problem"),
    (PolicyError("2 problems", problems=PROBLEMS), 422, "a.yaml:4: no version\na.yaml:5: no package"),
    (StateError("the disk is full", hint="so"), 503, "the disk is full"),
    (UnavailableError("away"), 500, "away"),
    (InventoryError("torn"), 500, "torn"),
    (TransportError("cut off"), 500, "cut off"),
    (AWAY, 503, "the server's database does not answer"),
    (ZeroDivisionError("secret"), 500, "the server failed; its log says where"),
]


ASK_NO_DATABASE = [("GET", "/ca"), ("GET", "/openapi.json")]


class Failing:
    """A database that fails every question in one way."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    def reading(self) -> object:
        raise self.failure

    writing = writing_alone = reading


def api_routes(server: Server) -> list[tuple[str, str]]:
    """Every method and address of the API, as the application itself lists them."""
    (api,) = (each for each in server.app.routes if isinstance(each, Mount) and each.path == "/api/v1")
    found = []
    for route in api.routes:
        assert isinstance(route, Route)
        path = route.path.replace("{digest}", "sha256:" + "0" * 64).replace("{name}", "rl-team")
        found += [(method, path) for method in sorted(route.methods or ()) if method != "HEAD"]
    return found


def refusal_in(answer: Answer) -> Refusal:
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json()) == {"error", "hint", "request_id"}
    refusal = msgspec.json.decode(answer.body, type=Refusal)
    assert refusal.request_id == answer.headers["x-request-id"]
    return refusal


@pytest.mark.parametrize(("failure", "status", "words"), FAILURES, ids=lambda each: type(each).__name__)
def test_failure_behind_any_route_is_one_refusal(
    sqlite_server: Server, failure: Exception, status: int, words: str
) -> None:
    server = sqlite_server
    body = msgspec.json.encode({"token": "t", "machine": "m", "name": "n"})
    app = make_app(msgspec.structs.replace(server.service, database=Failing(failure)))
    routes = [each for each in api_routes(server) if each not in ASK_NO_DATABASE]
    assert len(routes) == len(api_routes(server)) - len(ASK_NO_DATABASE)
    for method, path in routes:
        is_unexpected = not isinstance(failure, EnvguardError | sa.exc.SQLAlchemyError)
        answer = ask(
            app, method, f"/api/v1{path}", body, {"authorization": "Bearer x"}, may_raise=is_unexpected
        )
        refusal = refusal_in(answer)
        assert (answer.status, refusal.error) == (status, words)
        assert ("retry-after" in answer.headers) == (status == 503)
        assert not isinstance(failure, EnvguardError) or refusal.hint == failure.hint


def test_every_no_of_every_route_is_one_refusal(sqlite_server: Server) -> None:
    server = sqlite_server
    tokens = (None, "guess", server.admin, server.enrol("ws-7"))
    for method, path in api_routes(server):
        wrong = refusal_in(server.ask("PATCH", path))
        assert wrong.error.startswith("this address does not take that method")
        for token in tokens:
            for body in (b"", b"\xff", b"[]", b"{}"):
                answer = server.ask(method, path, body, token=token)
                assert answer.status < 500
                if answer.status >= 400:
                    can_be_followed(refusal_in(answer).hint or "")


def can_be_followed(hint: str) -> None:
    """Whether each command that a hint names is one that there is."""
    context = click.Context(envguard)
    for name, more in re.findall(r"envguard ([a-z]+)(?: ([a-z]+))?", hint):
        command = envguard.get_command(context, name)
        assert command is not None, hint
        assert not more or not isinstance(command, click.Group) or more in command.commands, hint
