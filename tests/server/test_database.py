"""What ``--database`` may say, and what the store does beside others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from envguard.errors import EnvguardError, StateError, UsageError
from envguard.server.judging import judge_at_once
from envguard.server.store import machines
from envguard.server.store.cases import make_due
from envguard.server.store.database import Database
from envguard.server.store.schema import comparisons, environments
from envguard.server.store.schema import policies as policy_table
from envguard.wire import Records
from tests.server.asking import POLICY, Server, a_record, a_snapshot, records
from tests.server.postgresql import Cluster

GOOD = a_snapshot(gym="0.26.2")
BAD = a_snapshot(gym="0.25.2")
PASSWORD = "hunter2"
USELESS: list[tuple[str, type[EnvguardError], str]] = [
    ("nonsense", UsageError, "not the URL of a database"),
    (f"postgresql://ann:{PASSWORD}@host:port/db", UsageError, "not the URL of a database"),
    (f"postgresql://ann:{PASSWORD}@[::1/db", UsageError, "not the URL of a database"),
    (f"oracle://ann:{PASSWORD}@host/db", UsageError, "not in: oracle"),
    (f"mysql://ann:{PASSWORD}@host/db", UsageError, "not in: mysql"),
    (f"postgresql+psycopg2://ann:{PASSWORD}@host/db", UsageError, "is not installed: psycopg2"),
    (f"postgresql+nonsense://ann:{PASSWORD}@host/db", UsageError, "postgresql+nonsense takes no such URL"),
    ("sqlite+aiosqlite:///x.db", UsageError, "aiosqlite"),
    ("sqlite://", UsageError, "in memory"),
    ("sqlite:///:memory:", UsageError, "in memory"),
    ("sqlite:////proc/no/x.db", StateError, "cannot be opened"),
    ("sqlite:////proc", StateError, "cannot be opened"),
    ("sqlite:////proc/x.db?timeout=long", UsageError, "sqlite takes no such URL"),
    (f"postgresql://ann:{PASSWORD}@127.0.0.1:1/db", StateError, "cannot be opened"),
    (f"postgresql+psycopg://ann:{PASSWORD}@127.0.0.1:1/db", StateError, "cannot be opened"),
    (f"postgresql+psycopg://ann:{PASSWORD}@127.0.0.1:1/db?colour={PASSWORD}", StateError, "cannot be opened"),
    (f"postgresql+psycopg://ann:{PASSWORD}@nowhere.invalid/db", StateError, "cannot be opened"),
    (f"postgresql+psycopg://ann:{PASSWORD}@{'a' * 300}/db", StateError, "cannot be opened"),
]


@pytest.mark.parametrize(("url", "kind", "words"), USELESS, ids=[url for url, _, _ in USELESS])
def test_useless_url_is_one_error_without_the_password(
    url: str, kind: type[EnvguardError], words: str
) -> None:
    if "psycopg:" in url or url.startswith("postgresql:"):
        pytest.importorskip("psycopg", reason="psycopg is not installed (extra `postgres`)")
    with pytest.raises(EnvguardError) as caught:
        Database(url)
    error = caught.value
    assert type(error) is kind
    assert words in error.what
    assert error.where == "--database"
    assert error.hint
    assert "\n" not in f"{error} {error.hint}"
    assert PASSWORD not in f"{error} {error.hint}"


def test_absent_database_and_refused_user_are_said(cluster: Cluster) -> None:
    for url in (cluster.url("none"), cluster.url("postgres").replace("envguard@", f"eve:{PASSWORD}@")):
        with pytest.raises(StateError, match="does not exist") as caught:
            Database(url)
        assert PASSWORD not in str(caught.value)


def test_usual_spelling_of_a_postgresql_url_is_taken(cluster: Cluster) -> None:
    Database(cluster.url("postgres").replace("postgresql+psycopg:", "postgresql:")).close()
    Database(cluster.url("postgres").replace("postgresql+psycopg:", "postgres:")).close()


def test_forgotten_transactions_and_waits_for_locks_end_by_themselves(cluster: Cluster) -> None:
    opened = Database(cluster.url("postgres"))
    with opened.reading() as connection:
        assert connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar() == "1min"
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "30s"
    opened.close()


def test_lost_connections_are_made_anew(cluster: Cluster, tmp_path: Path) -> None:
    server = Server(tmp_path / "s", database=cluster.emptied_database())
    cluster.tell("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid()")
    assert server.ask("GET", "//readyz").status == 200
    server.database.close()


def test_servers_that_start_at_once_make_the_tables_once(cluster: Cluster) -> None:
    url = cluster.bare_database()
    all_at_once(*[lambda: Database(url).close()] * 4)


def all_at_once(*acts: Callable[[], object]) -> None:
    """Run each in a thread of its own; what one raises is raised."""
    together, failures = threading.Barrier(len(acts)), []

    def run(act: Callable[[], object]) -> None:
        try:
            together.wait(10)
            act()
        except Exception as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures, failures


class TestBesideOthers:
    def test_reading_sees_one_moment(self, server: Server) -> None:
        with server.database.reading() as connection:
            assert machines.known_machines(connection) == ()
            server.enrol("ws-7")
            assert machines.known_machines(connection) == ()
        with server.database.reading() as connection:
            assert len(machines.known_machines(connection)) == 1

    def test_pushes_at_once_are_numbered_one_after_the_other(self, server: Server) -> None:
        texts = [POLICY + f"# {number}\n" for number in range(6)]
        all_at_once(*[partial(lambda each: expect(server.push(each).status, 200), text) for text in texts])
        with server.database.reading() as connection:
            numbers = connection.scalars(sa.select(policy_table.c.revision)).all()
        assert sorted(numbers) == [1, 2, 3, 4, 5, 6]

    def test_one_name_is_given_once(self, server: Server) -> None:
        answers: list[int] = []

        def enrol(machine: str, token: str) -> None:
            message = {"token": token, "machine": machine, "name": "ws-7"}
            answers.append(server.ask("POST", "/enroll", message).status)

        tokens = {f"m{number}": server.join_token() for number in range(5)}
        all_at_once(*[partial(enrol, *pair) for pair in tokens.items()])
        assert sorted(answers) == [200, 409, 409, 409, 409]

    def test_records_of_one_machine_at_once_are_kept_whole(self, server: Server) -> None:
        secret = server.enrol("ws-7")
        held = [
            records(*[a_record(GOOD, f"/srv/{place}") for place in order])
            for order in ("abc", "cba", "bca", "acd")
        ]

        def put(each: Records) -> None:
            expect(server.ask("PUT", "/environments", each, token=secret).status, 200)

        for _ in range(3):
            all_at_once(*[partial(put, each) for each in held])
        with server.database.reading() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(environments)) == 3

    def test_judges_at_once_keep_the_same_findings_once(self, server: Server) -> None:
        server.push()
        snapshots = [a_snapshot(gym=f"0.{number}") for number in range(12)]
        for name, order in (("ws-7", snapshots), ("ws-8", snapshots[::-1])):
            paths = [a_record(each, f"/srv/{number:02}") for number, each in enumerate(order)]
            server.report(server.enrol(name), records(*paths), *snapshots)
        with server.database.writing_alone() as connection:
            connection.execute(comparisons.delete())
            make_due(connection)
        all_at_once(*[partial(judge_at_once, server.service)] * 4)
        with server.database.reading() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(comparisons)) == 12

    def test_machines_with_one_content_are_judged_by_one_comparison(self, server: Server) -> None:
        server.push()
        for name in ("ws-7", "ws-8"):
            server.report(server.enrol(name), records(a_record(BAD, f"/srv/{name}")), BAD)
        server.report(server.enrol("ws-9"), records(a_record(GOOD)), GOOD)
        team = server.team()
        assert [each.verdict for each in team.machines] == ["drifted", "drifted", "compliant"]
        first, second = (each.environments[0].findings[0] for each in team.machines[:2])
        assert "/srv/ws-7/" in (first.fix or "")
        assert "/srv/ws-8/" in (second.fix or "")
        with server.database.reading() as connection:
            assert connection.scalar(sa.select(sa.func.count()).select_from(comparisons)) == 2

    def test_kept_findings_that_cannot_be_read_are_found_again(self, server: Server) -> None:
        server.push()
        server.report(server.enrol("ws-7"), records(a_record(BAD)), BAD)
        before = server.team()
        with server.database.writing() as connection:
            connection.execute(comparisons.update().values(findings=b'[{"kind": "of another version"}]'))
        with server.database.writing_alone() as connection:
            make_due(connection)
        judge_at_once(server.service)
        assert server.team() == before
        with server.database.reading() as connection:
            (kept,) = connection.scalars(sa.select(comparisons.c.findings))
        assert b"another version" not in kept


def expect(answer: int, status: int) -> None:
    assert answer == status
