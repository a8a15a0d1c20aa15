"""Each request has an id, and one line in the log; nothing secret is in it."""

from __future__ import annotations

import logging
import re

import pytest

from tests.server.asking import GOOD, Answer, Server, a_checkin, a_record, ask, records


def logged(caplog: pytest.LogCaptureFixture, answer: Answer) -> list[str]:
    """Answer the lines about the request that was answered so."""
    return [each for each in caplog.messages if each.endswith(f"request={answer.headers['x-request-id']}")]


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "envguard")


class TestIds:
    @pytest.mark.parametrize("sent", ["a", "0f9c-17.b_Z", "x" * 64])
    def test_harmless_one_is_taken(self, sqlite_server: Server, sent: str) -> None:
        assert sqlite_server.ask("GET", "//healthz", x_request_id=sent).headers["x-request-id"] == sent

    @pytest.mark.parametrize("sent", ["", "x" * 65, "a b", "a\nb", "<a>", 'a"', "é", "a/b"])
    def test_other_one_is_replaced(self, sqlite_server: Server, sent: str) -> None:
        given = sqlite_server.ask("GET", "//healthz", x_request_id=sent).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{16}", given)

    def test_each_request_has_another(self, sqlite_server: Server) -> None:
        given = {sqlite_server.ask("GET", "//healthz").headers["x-request-id"] for _ in range(20)}
        assert len(given) == 20

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [("GET", "/team", 401), ("GET", "/nothing", 404), ("DELETE", "/team", 405), ("POST", "/enroll", 400)],
    )
    def test_every_errors_document_names_it(
        self, sqlite_server: Server, method: str, path: str, status: int
    ) -> None:
        answer = sqlite_server.ask(method, path, x_request_id="mine")
        assert (answer.status, answer.json()["request_id"]) == (status, "mine")


class TestLines:
    def test_one_line_says_what_was_asked_and_by_whom(
        self, sqlite_server: Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        secret = sqlite_server.enrol("ws-7")
        answer = sqlite_server.ask("POST", "/checkin", a_checkin(records()), token=secret)
        (line,) = logged(caplog, answer)
        assert re.fullmatch(
            r"request_answered method=POST route=/api/v1/checkin status=200 took_ms=[0-9.]+ "
            r"who=machine:id-ws-7 request=[0-9a-f]{16}",
            line,
        )

    def test_every_line_on_the_way_has_the_id_also_from_threads(
        self, sqlite_server: Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = sqlite_server.push()
        assert [each.split()[0] for each in logged(caplog, answer)] == ["policy_pushed", "request_answered"]
        refused = sqlite_server.ask("GET", "/team", token="wrong")
        assert [each.split()[0] for each in logged(caplog, refused)] == [
            "request_refused",
            "request_answered",
        ]

    def test_failure_of_ours_is_answered_counted_and_told_with_the_id(
        self, sqlite_server: Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        sqlite_server.push()
        with sqlite_server.database.writing() as connection:
            connection.exec_driver_sql("UPDATE policies SET source = 'no json'")
        headers = {"authorization": f"Bearer {sqlite_server.admin}"}
        answer = ask(sqlite_server.app, "GET", "/api/v1/policies", headers=headers, may_raise=True)
        assert (answer.status, answer.json()["request_id"]) == (500, answer.headers["x-request-id"])
        assert [each.split()[0] for each in logged(caplog, answer)] == ["request_failed", "request_answered"]

    def test_no_secret_and_no_body_is_in_any_line(
        self, sqlite_server: Server, caplog: pytest.LogCaptureFixture
    ) -> None:
        server = sqlite_server
        join, secret = server.join_token(), server.enrol("ws-7")
        server.report(secret, records(a_record(GOOD)), GOOD)
        server.ask("POST", "/enroll", {"token": join, "machine": "m", "name": "ws-8"})
        server.ask("GET", f"/team?token={server.admin}", token=server.admin)
        server.ask("GET", "/team", token=f"{server.admin}x")
        server.ask("POST", "//login", f"token={server.admin}".encode())
        server.ask("GET", "//", cookie=f"envguard_session={secret}")
        text = "\n".join(caplog.messages)
        assert "request_answered" in text
        assert not [each for each in (join, secret, server.admin, "gym", ".venv") if each in text]
