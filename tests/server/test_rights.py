"""Every route of the application is some act, and answers exactly who may do it; what changes is recorded."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import get_args

import msgspec
import pytest
from starlette.routing import BaseRoute, Mount

from envguard.domain.rights import AUDITED, Act, Role, may
from envguard.server.guarding import ActRoute
from envguard.wire import PersonTokenReply
from tests.server.asking import GOOD, POLICY, Server, a_checkin, a_record, records, says

ROLES: tuple[Role, ...] = get_args(Role)
BY_SESSION = {"/", "/logout"}
"""Whom these answer is asked of the cookie: tests of the pages."""


def routes_of(routes: list[BaseRoute], before: str = "") -> list[tuple[str, ActRoute]]:
    """Every route by its whole path; one that is no act fails here."""
    found: list[tuple[str, ActRoute]] = []
    for route in routes:
        if isinstance(route, Mount) and route.path == "/static":
            continue
        if isinstance(route, Mount):
            found += routes_of(list(route.routes), before + route.path)
        else:
            assert isinstance(route, ActRoute), route
            found.append((before + route.path, route))
    return found


def routes(server: Server) -> list[tuple[str, str, Act]]:
    """Method, path below the API, and act of every route."""
    found = []
    for path, route in routes_of(list(server.app.routes)):
        (method,) = {*(route.methods or ())} - {"HEAD"}
        found.append((method, path, route.act))
    return found


def token_of(server: Server, role: Role) -> str:
    if role == "machine":
        return server.enrol("ws-7")
    message = {"person": f"a {role}", "role": role}
    answer = server.ask("POST", "/tokens/people", message, token=server.admin)
    return msgspec.json.decode(answer.body, type=PersonTokenReply).token


def test_every_route_gives_each_role_exactly_what_the_table_says(server: Server) -> None:
    tokens = {role: token_of(server, role) for role in ROLES}
    guarded = [each for each in routes(server) if each[2] != "enter" and each[1] not in BY_SESSION]
    assert len(guarded) > 20
    for method, path, act in guarded:
        address = "/" + path.replace("{digest}", "x").replace("{name}", "x").replace(
            "{meeting}", "0" * 32
        ).replace("{machine}", "x")
        assert server.ask(method, address).status == 401, address
        for role, token in tokens.items():
            status = server.ask(method, address, token=token).status
            assert (status == 403) != may(role, act), (role, method, path, status)


def test_who_may_not_is_told_which_role_it_takes_and_who_has_it(server: Server) -> None:
    viewer, machine = token_of(server, "viewer"), token_of(server, "machine")
    says(server.ask("POST", "/policies", {}, token=viewer), 403, "needs the role lead or a higher one")
    says(
        server.ask("POST", "/policies", {}, token=viewer), 403, "a viewer has the role viewer", "admin-token"
    )
    token_of(server, "lead")
    token_of(server, "admin")
    says(server.ask("POST", "/policies", {}, token=machine), 403, "ws-7 is a machine", "a admin, a lead")
    says(
        server.ask("GET", "/tokens", token=viewer),
        403,
        "needs the role admin, and",
        "ask who has it: a admin",
    )
    says(
        server.ask("POST", "/checkin", {}, token=viewer), 403, "only a joined machine", "envguard join STRING"
    )


def test_who_tried_what_he_may_not_stands_in_the_log_so_often_at_most(server: Server) -> None:
    viewer, before = token_of(server, "viewer"), numbers(server)
    for _ in range(30):
        assert server.ask("POST", "/tokens", {}, token=viewer).status == 403
        assert server.ask("GET", "/tokens", token=viewer).status == 403
    rows = server.ask("GET", f"/audit?after={before}", token=server.admin).json()["rows"]
    assert len(rows) == 20
    tried = {(each["who"], each["act"], each["object"], each["outcome"]) for each in rows}
    assert tried == {("a viewer", "administer", "POST /tokens", "refused")}


def test_machine_is_told_the_teams_summary_and_of_itself(server: Server) -> None:
    server.push()
    for name in ("ws-7", "ws-8"):
        server.report(server.enrol(name), records(a_record(GOOD)), GOOD)
    mine = server.ask("GET", "/team", token=server.enrol("ws-7")).json()
    assert (mine["summary"]["machines"], mine["is_summary"], mine["today"]) == (2, True, None)
    assert [each["name"] for each in mine["machines"]] == ["ws-7"]
    whole = server.ask("GET", "/team", token=token_of(server, "viewer")).json()
    assert (len(whole["machines"]), whole["is_summary"]) == (2, False)


def a_waiver(server: Server) -> dict[str, object]:
    until = datetime.fromtimestamp(server.now_s, timezone.utc) + timedelta(days=1)
    return {"policy": "rl-team", "package": "gym", "until": until, "reason": "exam"}


def messages(server: Server) -> dict[tuple[str, str], tuple[str, object]]:
    """For each route that writes and is audited: an address and a message that change something."""
    waiting = server.ask("POST", "/tokens", {"needs_approval": True}, token=server.admin).json()["join"]
    server.enrol("ws-9", join=waiting)
    server.ask("POST", "/waivers", a_waiver(server), token=server.enrol("ws-7"))
    joining = {"token": server.join_token(), "machine": "id-ws-1", "name": "ws-1"}
    offered = server.ask("POST", "/secret", token=server.enrol("ws-2")).json()["secret"]
    return {
        ("POST", "/enroll"): ("/enroll", joining),
        ("POST", "/secret/use"): ("/secret/use", offered),
        ("POST", "/policies"): ("/policies", {"filename": "rl-team.yaml", "text": POLICY + "# more\n"}),
        ("POST", "/waivers"): ("/waivers", a_waiver(server)),
        ("POST", "/waivers/{number}/{decision}"): ("/waivers/1/refuse", {}),
        ("POST", "/tokens"): ("/tokens", {}),
        ("POST", "/tokens/people"): ("/tokens/people", {"person": "eve", "role": "viewer"}),
        ("POST", "/tokens/revoke"): ("/tokens/revoke", {"person": "eve"}),
        ("POST", "/machines/{machine}/approve"): ("/machines/ws-9/approve", {}),
        ("POST", "/machines/{machine}/retire"): ("/machines/ws-7/retire", {}),
    }


def numbers(server: Server) -> int:
    number = server.ask("GET", "/audit", token=server.admin).json()["head"]["number"]
    assert isinstance(number, int)
    return number


def test_every_act_that_changes_anything_is_recorded_once_and_by_name(server: Server) -> None:
    server.push()
    ann = server.ask("POST", "/tokens/people", {"person": "ann", "role": "admin"}, token=server.admin)
    known, done = messages(server), set()
    for method, path, act in routes(server):
        if method == "GET" or act not in AUDITED or not path.startswith("/api/v1"):
            continue
        address, message = known[method, path.removeprefix("/api/v1")]
        before = numbers(server)
        token = message if isinstance(message, str) else ann.json()["token"]
        answer = server.ask(method, address, message, token=token)
        assert answer.status in (200, 204), answer
        (row,) = server.ask("GET", f"/audit?after={before}", token=server.admin).json()["rows"]
        assert (row["number"], row["outcome"]) == (before + 1, "done")
        machine = {"/api/v1/enroll": "ws-1", "/api/v1/secret/use": "ws-2"}.get(path)
        assert row["who"] == (machine or "ann"), row
        done.add((method, path.removeprefix("/api/v1")))
    assert done == set(known)


def test_what_is_done_twice_is_recorded_once_and_what_fails_not_at_all(server: Server) -> None:
    server.push()
    before = numbers(server)
    server.push()
    server.push("nonsense")
    secret = server.ask("POST", "/enroll", {"token": "guess", "machine": "m", "name": "n"})
    assert secret.status == 403
    assert numbers(server) == before


def test_checkins_and_records_are_kept_as_such_and_not_in_the_log(server: Server) -> None:
    secret, held = server.enrol("ws-7"), records(a_record(GOOD))
    before = numbers(server)
    server.report(secret, held, GOOD)
    assert server.ask("POST", "/checkin", a_checkin(held), token=secret).status == 200
    assert numbers(server) == before


@pytest.mark.parametrize("asked", ["after=x", "after=-1", "since=yesterday", "since=2026-11-25T00:00:00"])
def test_question_about_the_log_that_is_none_is_refused(sqlite_server: Server, asked: str) -> None:
    server = sqlite_server
    assert server.ask("GET", f"/audit?{asked}", token=server.admin).status == 400


def test_row_names_the_request_that_the_answer_and_the_log_name(server: Server) -> None:
    before = numbers(server)
    answer = server.ask("POST", "/tokens", {}, token=server.admin)
    (row,) = server.ask("GET", f"/audit?after={before}", token=server.admin).json()["rows"]
    assert row["request"] == answer.headers["x-request-id"]


def test_log_since_a_time(server: Server) -> None:
    server.now_s += 3600
    server.push()
    since = datetime.fromtimestamp(server.now_s, timezone.utc).isoformat().replace("+00:00", "Z")
    rows = server.ask("GET", f"/audit?since={since}", token=server.admin).json()["rows"]
    assert [each["act"] for each in rows] == ["policy.push"]
