"""The database is full, busy, read-only, broken or away: what is said, and that all goes on afterwards."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
import requests
import sqlalchemy as sa

from envguard.domain.environment import digest_of
from envguard.errors import StateError
from envguard.server.store.database import Database
from envguard.server.store.failures import meaning_of
from envguard.server.upkeep import Upkeep
from envguard.wire import read_join
from tests.server.asking import POLICY, Answer, Server, a_checkin, a_record, a_snapshot, records, says
from tests.server.postgresql import Cluster
from tests.server.test_serve import call, running

GOOD = a_snapshot(gym="0.26.2")
HELD = records(a_record(GOOD))
CODES = {"53100": "full", "53300": "crowded", "25006": "read-only", "XX001": "damaged", "58030": "unwritable"}


def a_large_policy(number: int) -> str:
    return POLICY + f"# {number}{'x' * 100_000}\n"


def is_refused(answer: Answer, status: int, words: str, after_s: int) -> None:
    says(answer, status, words)
    assert answer.headers["retry-after"] == str(after_s)


def meaning(database: Database, statement: str) -> str:
    """What the database's own error means, when it is asked this."""
    with pytest.raises(sa.exc.SQLAlchemyError) as caught, database.writing() as connection:
        connection.exec_driver_sql(statement)
    return meaning_of(caught.value)


@contextlib.contextmanager
def limited(server: Server, pragma: str, undo: str) -> Iterator[None]:
    """A setting of SQLite's on the one connection that the server uses by now."""
    for setting in (pragma, undo):
        with server.database.reading() as connection:
            connection.exec_driver_sql(f"PRAGMA {setting}")
        if setting == pragma:
            yield


class TestSqlite:
    def test_full_disk_refuses_and_all_goes_on_when_there_is_room(self, sqlite_server: Server) -> None:
        server = sqlite_server
        secret = server.enrol("ws-7")
        with limited(server, "max_page_count = 60", "max_page_count = 4294967294"):
            is_refused(server.push(a_large_policy(1)), 507, "make room there", 60)
            assert server.ask("GET", "/team", token=server.admin).status == 200
        server.report(secret, HELD, GOOD)
        assert server.push().status == 200
        assert server.team().machines[0].verdict == "compliant"

    def test_readonly_file_is_said(self, sqlite_server: Server) -> None:
        with limited(sqlite_server, "query_only = 1", "query_only = 0"):
            is_refused(sqlite_server.push(), 503, "read-only", 60)
        assert sqlite_server.push().status == 200

    def test_damaged_file_is_said(self, sqlite_server: Server) -> None:
        server = sqlite_server
        server.push(a_large_policy(1))
        server.database.close()
        path = server.state / "envguard.db"
        content = path.read_bytes()
        path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
        is_refused(server.ask("GET", "/policies", token=server.admin), 503, "envguard server check", 60)

    def test_held_lock_is_said(self, sqlite_server: Server) -> None:
        other = Database(f"sqlite:///{sqlite_server.state / 'envguard.db'}")
        with limited(sqlite_server, "busy_timeout = 20", "busy_timeout = 30000"), other.writing():
            is_refused(sqlite_server.push(), 503, "is busy", 5)
        other.close()

    def test_mistake_of_ours_is_not_the_databases(self, sqlite_server: Server) -> None:
        assert meaning(sqlite_server.database, "SELECT colour FROM machines") == "fault"


class TestPostgresql:
    @pytest.fixture
    def server(self, cluster: Cluster, tmp_path: Path) -> Iterator[Server]:
        made = Server(tmp_path / "s", database=cluster.emptied_database())
        yield made
        made.database.close()

    @pytest.mark.parametrize(("code", "expected"), CODES.items(), ids=list(CODES.values()))
    def test_codes_mean_what_its_documentation_says(self, server: Server, code: str, expected: str) -> None:
        raises = f"DO $$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END$$"
        assert meaning(server.database, raises) == expected

    def test_mistake_of_ours_is_not_the_databases(self, server: Server) -> None:
        assert meaning(server.database, "SELECT colour FROM machines") == "fault"

    def test_wait_that_is_too_long_is_busy(self, server: Server) -> None:
        lock = "SELECT pg_advisory_xact_lock(0)"
        with server.database.writing() as connection:
            connection.exec_driver_sql(lock)
            waits = f"SET LOCAL lock_timeout = '20ms'; {lock}"
            assert meaning(server.database, waits) == "busy"
            with (
                pytest.raises(StateError, match="another process holds the database's tables") as caught,
                server.database.in_words("migrated"),
                server.database.writing() as other,
            ):
                other.exec_driver_sql(waits)
            assert "envguard server migrate" in (caught.value.hint or "")

    def test_full_disk_refuses_and_all_goes_on_when_there_is_room(
        self, server: Server, cluster: Cluster
    ) -> None:
        secret = server.enrol("ws-7")
        cluster.tell("""CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
                     $$BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END$$""")
        cluster.tell("CREATE TRIGGER full_disk BEFORE INSERT ON snapshots EXECUTE FUNCTION no_room()")
        try:
            is_refused(server.put_snapshot(secret, GOOD), 507, "what was acknowledged is kept", 60)
        finally:
            cluster.tell("DROP FUNCTION no_room() CASCADE")
        assert server.put_snapshot(secret, GOOD).status == 204

    def test_restart_needs_none_of_ours(self, server: Server, cluster: Cluster) -> None:
        secret = server.enrol("ws-7")
        server.report(secret, HELD, GOOD)
        upkeep = Upkeep(server.service)
        upkeep.look()
        cluster.stop()
        try:
            for _ in range(2):
                checkin = server.ask("POST", "/checkin", a_checkin(HELD), token=secret)
                is_refused(checkin, 503, "the server's database does not answer", 30)
            is_refused(server.ask("GET", "/team", token=server.admin), 503, "does not answer", 30)
            upkeep.look()
        finally:
            cluster.start()
        assert server.ask("POST", "/checkin", a_checkin(HELD), token=secret).status == 200
        assert server.ask("GET", "//healthz").status == 200
        assert len(server.team().machines[0].environments) == 1
        upkeep.look()
        upkeep.stop()


def test_process_whose_disk_is_full_refuses_and_recovers_with_its_database_whole(tmp_path: Path) -> None:
    """A limit of the kernel's stands for the disk: a write beyond it fails within the file."""
    state = tmp_path / "s"
    database = state / "envguard.db"
    with running(state) as (process, url, join, token_file):
        admin = {"authorization": f"Bearer {token_file.read_text().strip()}"}
        enrolment = {"token": read_join(join).token, "machine": "m", "name": "ws-7"}
        secret = call("POST", f"{url}/api/v1/enroll", enrolment, "")["secret"]
        call("PUT", f"{url}/api/v1/environments", HELD, secret)
        room = max(each.stat().st_size for each in state.glob("envguard.db*")) + 20_000
        _, most = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (room, most))
        source = {"filename": "rl-team.yaml", "text": a_large_policy(1)}
        push = partial(
            requests.post,
            f"{url}/api/v1/policies",
            data=msgspec.json.encode(source),
            headers=admin,
            timeout=20,
        )
        refused = [push() for _ in range(2)]
        assert [each.status_code for each in refused] == [503, 503]
        assert "cannot use its disk" in refused[0].json()["error"]
        assert refused[0].headers["retry-after"] == "60"
        assert requests.get(f"{url}/healthz", timeout=20).ok
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (most, most))
        assert push().ok
        call("PUT", f"{url}/api/v1/snapshots/{digest_of(GOOD)}", GOOD, secret)
        process.kill()
    opened = Database(f"sqlite:///{database}")
    with opened.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalars().all() == ["ok"]
        for table in ("policies", "machines", "environments", "snapshots"):
            assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() == 1
    opened.close()
