"""Judging in the background: what stands meanwhile, who does it, and what reading never does."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from envguard.domain.policy import PolicySource
from envguard.report.causes import pending_lines
from envguard.server.background import Background
from envguard.server.judging import judge_batch, policy_moved
from envguard.server.service import Service
from envguard.server.store.database import Database
from envguard.server.store.policies import add_revision
from envguard.server.store.schema import cases, comparisons, environments, layouts, leases, standings
from envguard.server.upkeep import Upkeep
from envguard.wire import TeamMachine
from tests.server.asking import BAD, GOOD, POLICY, Server, a_record, a_snapshot, records
from tests.server.test_serve import call, running

STRICTER = POLICY.replace("0.26.2", "0.27.0")
ELSEWHERE = POLICY.replace('"*"', '"/srv/*"')


def push_and_die(server: Server, text: str) -> None:
    """Keep a revision as a server does that is killed right after."""
    source = PolicySource(filename="rl-team.yaml", text=text)
    with server.database.writing_alone() as connection:
        add_revision(connection, "rl-team", source, server.now_s, by="ann")
        policy_moved(connection, "rl-team", server.service.now())


def settle(server: Server) -> None:
    while judge_batch(server.service):
        pass


def machine(server: Server, name: str = "ws-7") -> TeamMachine:
    return next(each for each in server.team().machines if each.name == name)


def forget_verdicts(server: Server) -> None:
    """Leave the tables as those of an older server are after their migration."""
    with server.database.writing() as connection:
        connection.execute(environments.update().values(case_id=None))
        for table in (cases, standings, layouts, comparisons):
            connection.execute(table.delete())


@pytest.fixture
def secrets(server: Server) -> dict[str, str]:
    """Two machines with one snapshot that the policy wants, and one with another."""
    server.push()
    found = {}
    for name, snapshot in (("ws-7", GOOD), ("ws-8", GOOD), ("ws-9", BAD)):
        found[name] = server.enrol(name)
        server.report(found[name], records(a_record(snapshot, f"/home/ann/{name}/.venv")), snapshot)
    return found


@pytest.mark.usefixtures("secrets")
class TestMeanwhile:
    @pytest.mark.parametrize(
        ("text", "then"),
        [pytest.param(STRICTER, "drifted", id="rules"), pytest.param(ELSEWHERE, "unmanaged", id="for whom")],
    )
    def test_old_verdict_stands_and_says_what_it_waits_for(
        self, server: Server, text: str, then: str
    ) -> None:
        push_and_die(server, text)
        for _ in range(2):  # reading changes nothing
            row = machine(server)
            assert (row.verdict, row.pending) == ("compliant", {"rl-team": 2})
            assert (row.environments[0].revision, row.environments[0].pending_revision) == (1, 2)
        assert pending_lines(server.team()) == ("pending rl-team r2: 3 of 3 machines not judged by it yet",)
        counts = server.ask("GET", "/team/counts", token=server.admin).json()
        assert (counts["waiting"], counts["summary"]["compliant"]) == (3, 2)
        settle(server)
        row = machine(server)
        assert (row.verdict, row.pending, server.team().pending) == (then, {}, {})

    def test_what_comes_meanwhile_is_judged_by_the_new_revision(
        self, server: Server, secrets: dict[str, str]
    ) -> None:
        push_and_die(server, STRICTER)
        newest = a_snapshot(gym="0.27.0")
        server.report(secrets["ws-9"], records(a_record(newest)), newest)
        row = machine(server, "ws-9")
        assert (row.verdict, row.environments[0].revision, row.pending) == ("compliant", 2, {})

    def test_revision_that_another_replaced_is_not_judged_by(self, server: Server) -> None:
        push_and_die(server, STRICTER)
        push_and_die(server, POLICY + "unlisted: error\n")
        settle(server)
        assert {each.environments[0].revision for each in server.team().machines} == {3}

    def test_page_shows_what_waits(self, server: Server) -> None:
        push_and_die(server, STRICTER)
        body = b"token=" + server.admin.encode()
        form = {"content_type": "application/x-www-form-urlencoded", "origin": "http://127.0.0.1:8750"}
        session = server.ask("POST", "//login", body, **form).headers["set-cookie"].split(";")[0]
        page = server.ask("GET", "//", cookie=session).body.decode()
        assert "pending rl-team r2: 3 of 3 machines not judged by it yet" in page
        assert "by rl-team r1, pending r2" in page


class TestAlike:
    def test_of_two_machines_with_one_snapshot_a_waiver_acquits_one(
        self, server: Server, secrets: dict[str, str]
    ) -> None:
        server.report(secrets["ws-7"], records(a_record(BAD)), BAD)
        server.report(secrets["ws-8"], records(a_record(BAD)), BAD)
        request = {
            "policy": "rl-team",
            "package": "gym",
            "machine": "ws-7",
            "until": server.service.now() + timedelta(days=1),
            "reason": "old GPU",
        }
        assert server.ask("POST", "/waivers", request, token=server.admin).status == 200
        assert [machine(server, name).verdict for name in secrets] == ["compliant", "drifted", "drifted"]
        with server.database.reading() as connection:
            compared = connection.scalar(sa.select(sa.func.count()).select_from(comparisons))
            of_each = connection.scalars(sa.select(environments.c.case_id)).all()
        assert (compared, len(set(of_each))) == (2, 2)

    def test_each_has_its_own_path_and_command(self, server: Server, secrets: dict[str, str]) -> None:
        server.push(STRICTER)
        [one, other] = (machine(server, name).environments[0] for name in ("ws-7", "ws-8"))
        assert (one.path, other.path) == ("/home/ann/ws-7/.venv", "/home/ann/ws-8/.venv")
        assert "/home/ann/ws-7/.venv/bin/python" in (one.findings[0].fix or "")
        assert "/home/ann/ws-8/.venv/bin/python" in (other.findings[0].fix or "")

    def test_cases_that_are_empty_go(self, server: Server, secrets: dict[str, str]) -> None:
        server.report(secrets["ws-9"], records(a_record(GOOD)), GOOD)
        server.now_s += 3601
        Upkeep(server.service).look()
        with server.database.reading() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(cases)) == 1
        assert machine(server, "ws-9").environments[0].verdict == "compliant"


@pytest.mark.usefixtures("secrets")
class TestBackground:
    def test_older_database_is_judged_after_the_start(self, server: Server) -> None:
        forget_verdicts(server)
        row = machine(server)
        assert (row.verdict, row.environments[0].reason) == ("unknown", "not judged yet")
        counts = server.ask("GET", "/team/counts", token=server.admin).json()
        assert counts["summary"]["unknown"] == 3
        background = Background(server.service)
        background.look()
        settle(server)
        assert [each.verdict for each in server.team().machines] == ["compliant", "compliant", "drifted"]

    def test_it_rests_as_long_as_it_judged_and_waits_where_nothing_is_due(self, server: Server) -> None:
        ticks = itertools.count(0.0, 3.0)
        background = Background(server.service, monotonic=lambda: next(ticks))
        push_and_die(server, STRICTER)
        assert background.look() == 3.0
        settle(server)
        assert background.look() == 1.0

    def test_one_of_two_servers_does_it_until_it_stops(self, server: Server) -> None:
        other = Database(server.url or f"sqlite:///{server.state / 'envguard.db'}")
        service = Service(database=other, clock=lambda: server.now_s, url="http://x", interval_s=60.0)
        first, second = Background(server.service), Background(service)
        first.look()
        push_and_die(server, STRICTER)
        second.look()
        assert machine(server).pending == {"rl-team": 2}
        first.stop()
        while machine(server).pending:
            second.look()
        other.close()

    def test_database_that_fails_is_asked_again(self, server: Server) -> None:
        background = Background(server.service)
        push_and_die(server, STRICTER)
        with server.database.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE leases RENAME TO away")
        assert background.look() > 1.0
        with server.database.writing() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO leases")
        while machine(server).pending:
            background.look()
        with server.database.reading() as connection:
            assert connection.scalar(sa.select(leases.c.token)) == 1


def test_process_goes_on_where_another_was_killed(tmp_path: Path) -> None:
    server = Server(tmp_path / "state")
    server.push()
    server.report(server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
    push_and_die(server, STRICTER)
    server.database.close()
    with running(tmp_path / "state") as (_, url, _, token_file):
        token = token_file.read_text().strip()
        while call("GET", f"{url}/api/v1/team/counts", {}, token)["waiting"]:
            pass
        [machine] = call("GET", f"{url}/api/v1/team", {}, token)["machines"]
    assert [each["verdict"] for each in machine["environments"]] == ["drifted"]


@pytest.mark.parametrize("wish", [{}, {"needs_approval": True}], ids=["let in", "approved"])
def test_machine_that_comes_back_is_judged_by_what_it_had(server: Server, wish: dict[str, bool]) -> None:
    server.push()
    server.report(server.enrol("ws-7"), records(a_record(GOOD)), GOOD)
    assert server.ask("POST", "/machines/ws-7/retire", {}, token=server.admin).status == 200
    assert server.team().machines == ()
    join = server.ask("POST", "/tokens", wish, token=server.admin).json()["join"]
    server.enrol("ws-7", join=join)
    if wish:
        assert server.ask("POST", "/machines/ws-7/approve", token=server.admin).status == 200
    assert server.team().machines[0].environments[0].verdict == "compliant"
