"""Answers of every route, whatever it is asked."""

from __future__ import annotations

import sqlite3

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.server.asking import (
    GOOD,
    ROUTES,
    Server,
    a_record,
    records,
    says,
)


class TestAnswers:
    def test_unknown_route_and_wrong_method(self, server: Server) -> None:
        says(server.ask("GET", "/nothing"), 404, "/nothing")
        says(server.ask("GET", "//nothing"), 404, "/nothing")
        says(server.ask("DELETE", "/team"), 405, "DELETE")

    def test_malformed_json_names_its_place(self, server: Server) -> None:
        says(server.ask("POST", "/enroll", b'{"token": 1}'), 400, "$.token")
        says(server.ask("POST", "/enroll", b"{"), 400, "malformed")
        says(server.ask("POST", "/enroll", b'{"x":' + b"[" * 100_000), 400)

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode), st.sampled_from(ROUTES))
    def test_arbitrary_bodies_are_never_the_servers_failure(
        self, server: Server, body: bytes, route: tuple[str, str]
    ) -> None:
        secret = server.enrol("ws-7")
        for token in (secret, server.admin):
            for encoding in ("identity", "deflate", "gzip"):
                answer = server.ask(*route, body, token=token, content_encoding=encoding)
                assert 400 <= answer.status < 500 or answer.status in (200, 204), answer

    def test_restart_keeps_everything(self, server: Server) -> None:
        server.push()
        secret = server.enrol("ws-7")
        server.report(secret, records(a_record(GOOD)), GOOD)
        before = server.team()
        again = server.again()
        assert again.admin == server.admin
        assert again.team() == before
        assert again.ask("GET", "/policies", token=secret).status == 200
        again.database.close()

    def test_acknowledged_means_synchronous(self, sqlite_server: Server) -> None:
        with sqlite_server.database.reading() as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert sqlite3.threadsafety > 0
