"""What load balancers and Prometheus are told."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from envguard.server.app import make_app
from envguard.server.readiness import Readiness
from envguard.server.store.database import Database
from envguard.server.store.schema import alembic_version
from envguard.server.tls.making import new_authority, new_key
from tests.server.asking import BAD, GOOD, Server, a_checkin, a_record, records, says


def figures(server: Server, token: str | None = None) -> dict[str, float]:
    """Answer what a scrape brings: ``name{label=value}`` to number."""
    answer = server.ask("GET", "//metrics", token=token or server.admin)
    assert answer.status == 200, answer
    return {
        sample.name
        + "".join(f"{{{key}={value}}}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.body.decode())
        for sample in family.samples
    }


class TestHealth:
    def test_process_answers_also_where_the_database_does_not(
        self, sqlite_server: Server, tmp_path: Path
    ) -> None:
        server = sqlite_server
        assert server.ask("GET", "//healthz").json() == {"status": "ok"}
        assert server.ask("GET", "//readyz").json() == {"status": "ready"}
        server.database.close()
        (server.state / "envguard.db").unlink()
        server.state.rename(tmp_path / "away")
        assert server.ask("GET", "//healthz").status == 200
        says(server.ask("GET", "//readyz"), 503, "database")

    def test_tables_of_another_version_are_not_ready(self, sqlite_server: Server) -> None:
        with sqlite_server.database.writing() as connection:
            connection.execute(alembic_version.update().values(version_num="9999"))
        says(sqlite_server.ask("GET", "//readyz"), 503, "another version")

    def test_server_that_stops_is_not_ready(self, server: Server) -> None:
        server.service.readiness.is_stopping = True
        says(server.ask("GET", "//readyz"), 503, "stops")
        assert server.ask("GET", "//healthz").status == 200

    def test_database_that_hangs_is_asked_once_and_waited_for_a_while(self, sqlite_server: Server) -> None:
        held, opened = Slow(sqlite_server.database), Readiness()

        async def ask_thrice() -> list[str | None]:
            with held.until_released():
                answers = [await opened.why_not(held, within_s=0.01) for _ in range(3)]
            return [*answers, await opened.why_not(held)]

        *while_held, after = asyncio.run(ask_thrice())
        assert while_held == ["the server's database did not answer within 0.01 s"] * 3
        assert (after, held.asked) == (None, 1)


class Slow(Database):
    """A database that answers nobody until it is released."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._free = threading.Event()
        self.asked = 0

    @contextlib.contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        self.asked += 1
        assert self._free.wait(10)
        with self._database.reading() as connection:
            yield connection

    @contextlib.contextmanager
    def until_released(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._free.set()


class TestMetrics:
    def test_only_a_person_reads_them(self, server: Server) -> None:
        says(server.ask("GET", "//metrics"), 401, "token")
        says(server.ask("GET", "//metrics", token=server.enrol("ws-7")), 403, "person")

    def test_machines_and_findings_are_counted_also_where_there_are_none(self, server: Server) -> None:
        server.push()
        for name, content in (("ws-7", BAD), ("ws-8", GOOD)):
            server.report(server.enrol(name), records(a_record(content)), content)
        told = figures(server)
        assert told["envguard_machines{state=online}"] == 2
        assert told["envguard_machines{state=stale}"] == 0
        assert told["envguard_machines_by_verdict{verdict=drifted}"] == 1
        assert told["envguard_machines_by_verdict{verdict=compliant}"] == 1
        assert told["envguard_findings{kind=version-mismatch}"] == 1
        assert told["envguard_findings{kind=missing}"] == 0
        assert told["envguard_team_readable"] == 1
        assert told["envguard_team_judged_timestamp_seconds"] == server.now_s
        assert told["envguard_database_size_bytes"] > 4096
        assert told["process_resident_memory_bytes"] > 1e6

    def test_machine_that_is_away_has_no_verdict_that_counts(self, sqlite_server: Server) -> None:
        sqlite_server.enrol("bob-mbp", laptop="yes")
        sqlite_server.now_s += 3600
        told = figures(sqlite_server)
        assert told["envguard_machines{state=away}"] == 1
        assert sum(told[name] for name in told if name.startswith("envguard_machines_by_verdict")) == 0

    def test_checkins_are_counted_by_route_and_not_by_address(self, server: Server) -> None:
        secret = server.enrol("ws-7")
        for seq in (1, 2, 1):
            server.ask("POST", "/checkin", a_checkin(records(), seq=seq), token=secret)
        for number in range(3):
            server.ask("GET", f"/policies/no-{number}", token=secret)
            server.ask("GET", f"/no-such-{number}", token=secret)
        server.ask("BREW", "//healthz")
        told = figures(server)
        checkin = "{method=POST}{route=/api/v1/checkin}"
        assert told[f"envguard_http_requests_total{checkin}{{status=200}}"] == 2
        assert told[f"envguard_http_requests_total{checkin}{{status=409}}"] == 1
        assert told[f"envguard_http_request_duration_seconds_count{checkin}"] == 3
        policy = "{method=GET}{route=/api/v1/policies/{name}}{status=404}"
        assert told[f"envguard_http_requests_total{policy}"] == 3
        assert told["envguard_http_requests_total{method=GET}{route=other}{status=404}"] == 3
        assert told["envguard_http_requests_total{method=other}{route=/healthz}{status=405}"] == 1
        assert told["envguard_http_requests_in_flight"] == 1
        assert not [name for name in told if "no-" in name]

    def test_team_is_looked_at_again_after_some_seconds(self, server: Server) -> None:
        assert figures(server)["envguard_machines{state=online}"] == 0
        server.enrol("ws-7")
        server.now_s += 14
        assert figures(server)["envguard_machines{state=online}"] == 0
        server.now_s += 2
        assert figures(server)["envguard_machines{state=online}"] == 1
        server.now_s -= 3600
        server.enrol("ws-8")
        assert figures(server)["envguard_machines{state=online}"] == 2

    def test_team_that_cannot_be_read_is_said_and_the_rest_is_told(self, server: Server) -> None:
        server.enrol("ws-7")
        before = figures(server)
        server.now_s += 60
        with server.database.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE policies RENAME TO away")
        try:
            told = figures(server)
        finally:
            with server.database.writing() as connection:
                connection.exec_driver_sql("ALTER TABLE away RENAME TO policies")
        assert told["envguard_team_readable"] == 0
        aged = "envguard_team_judged_timestamp_seconds"
        assert told[aged] == before[aged]

    def test_end_of_each_certificate_is_told(self, sqlite_server: Server, tmp_path: Path) -> None:
        key = new_key()
        (tmp_path / "ca.pem").write_text(new_authority(key, sqlite_server.service.now()))
        files = {"authority": tmp_path / "ca.pem", "certificate": tmp_path / "absent.pem"}
        sqlite_server.app = make_app(msgspec.structs.replace(sqlite_server.service, certificates=files))
        told = figures(sqlite_server)
        left_s = told["envguard_expiry_timestamp_seconds{what=authority}"] - sqlite_server.now_s
        assert 9.9 < left_s / (365.25 * 24 * 3600) < 10.1
        assert "envguard_expiry_timestamp_seconds{what=certificate}" not in told

    @pytest.mark.parametrize(
        ("accepted", "media_type"),
        [("", "text/plain"), ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text")],
        ids=["plain", "openmetrics"],
    )
    def test_form_is_what_prometheus_asks_for(
        self, sqlite_server: Server, accepted: str, media_type: str
    ) -> None:
        answer = sqlite_server.ask("GET", "//metrics", token=sqlite_server.admin, accept=accepted)
        assert answer.headers["content-type"].startswith(media_type)
        assert b"envguard_machines" in answer.body
