"""``envguard server check``: what is sound is told to be, and what is not is named with what to do."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest

from envguard.cli.commands import run
from envguard.domain.environment import digest_of
from envguard.errors import StateError
from envguard.report.upkeep import CheckProblem, ServerCheckDocument
from envguard.server.checking import check_database
from envguard.server.store.schema import (
    HEAD,
    alembic_version,
    environments,
    facts,
    machines,
    migration_positions,
    policies,
    snapshots,
    standings,
)
from tests.server.asking import FACTS, Server, a_checkin, a_record, a_snapshot, records

GOOD = a_snapshot(gym="0.26.2")
HELD = records(a_record(GOOD))
OF_THE_TESTS_CLUSTER = {"fsync", "full_page_writes"}
"""Off there, since what it keeps is thrown away; anywhere else that is a problem."""


@pytest.fixture
def team(server: Server) -> Server:
    """A server with a policy and a machine."""
    server.push()
    server.report(server.enrol("ws-7"), HELD, GOOD)
    return server


def checked(server: Server) -> ServerCheckDocument:
    return check_database(server.state, server.url, lambda _kind, _done, _total: None)


def problems(server: Server) -> list[CheckProblem]:
    """What is wrong, beside how the tests run PostgreSQL."""
    found = checked(server).problems
    return [each for each in found if each.what.split()[0] not in OF_THE_TESTS_CLUSTER]


def test_sound_database_has_no_problem_and_its_documents_are_counted(team: Server) -> None:
    document = checked(team)
    assert problems(team) == []
    assert document.revision == HEAD
    assert document.engine.startswith(("SQLite 3.", "PostgreSQL "))
    assert document.documents is not None
    counted = document.documents
    assert (counted.snapshots, counted.facts, counted.policies) == (1, 1, 1)


def test_settings_by_which_postgresql_could_lose_something_are_problems(
    team: Server, request: pytest.FixtureRequest
) -> None:
    found = {each.what.split()[0]: each for each in checked(team).problems}
    if team.url is None:
        assert not found
        assert "synchronous FULL" in checked(team).parts[1].found
        return
    assert set(found) == OF_THE_TESTS_CLUSTER
    assert found["fsync"].hint == "set it on in postgresql.conf: fsync = on"
    settings = checked(team).parts[1].found
    assert "synchronous_commit on, idle_in_transaction_session_timeout 1min, lock_timeout 30s" in settings


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"nonsense", "it cannot be read"),
        (zlib.compress(b'{"packages": 1}'), "it cannot be read"),
        (zlib.compress(b"\xff"), "it cannot be read"),
    ],
    ids=["not packed", "another type", "not text"],
)
def test_damaged_snapshot_is_named_and_comes_again_as_the_hint_says(
    team: Server, document: bytes, words: str
) -> None:
    with team.database.writing() as connection:
        connection.execute(snapshots.update().values(document=document))
    (problem,) = problems(team)
    assert problem.what.startswith(f"snapshots: {digest_of(GOOD)}: {words}")
    _, _, statement = problem.hint.partition("after: ")
    with team.database.writing() as connection:
        connection.exec_driver_sql(statement)
    secret = team.enrol("ws-7")
    assert team.ask("POST", "/checkin", a_checkin(HELD), token=secret).json()["wants_records"]
    team.report(secret, HELD, GOOD)
    assert problems(team) == []


def test_other_content_than_the_digest_says_is_a_problem(team: Server) -> None:
    with team.database.writing() as connection:
        connection.execute(policies.update().values(source=b'{"filename": "a.yaml", "text": "b"}'))
    (problem,) = problems(team)
    assert problem.what.startswith("policies: rl-team r1: its content has another digest: sha256:")


def test_facts_that_are_not_there_are_told_again_as_the_hint_says(team: Server) -> None:
    with team.database.writing() as connection:
        connection.execute(facts.delete())
    (problem,) = problems(team)
    assert problem.what == "the facts of machine ws-7 are not there"
    _, _, statement = problem.hint.partition("after: ")
    with team.database.writing() as connection:
        connection.exec_driver_sql(statement)
    secret = team.enrol("ws-7")
    assert team.ask("POST", "/checkin", a_checkin(HELD), token=secret).json()["wants_records"]
    team.report(secret, HELD)
    assert problems(team) == []


def test_damaged_facts_are_told_again_as_the_hint_says(team: Server) -> None:
    with team.database.writing() as connection:
        connection.execute(facts.update().values(document=b'{"os": "another", "kernel": "1"}'))
    (problem,) = problems(team)
    assert problem.what.startswith(f"facts: {digest_of(FACTS)}: ")
    _, _, statements = problem.hint.partition("after: ")
    with team.database.writing() as connection:
        for statement in statements.split(";"):
            connection.exec_driver_sql(statement)
    team.report(team.enrol("ws-7"), HELD)
    assert problems(team) == []


def test_more_documents_than_one_batch_are_all_compared(team: Server) -> None:
    with team.database.writing() as connection:
        rows = [{"digest": f"sha256:{number:064}", "document": b"x"} for number in range(450)]
        connection.execute(snapshots.insert(), rows)
    found = problems(team)
    assert len(found) == 21
    assert found[-1].what == "snapshots: 430 more are damaged"
    document = checked(team).documents
    assert document is not None
    assert document.snapshots == 451


def test_snapshot_that_nobody_sent_yet_is_no_problem(team: Server) -> None:
    with team.database.writing() as connection:
        connection.execute(snapshots.delete())
    assert problems(team) == []
    assert checked(team).parts[-1].found == "whole; 1 snapshots not sent yet"


def test_older_tables_and_a_cut_off_migration_are_problems(team: Server) -> None:
    with team.database.writing() as connection:
        row = {"revision": HEAD, "position": "a", "rows_done": 1, "rows_total": 2}
        connection.execute(migration_positions.insert().values(row))
    (problem,) = problems(team)
    assert (problem.what, problem.hint) == (
        "a migration was cut off, or is under way",
        "envguard server migrate",
    )
    with team.database.writing() as connection:
        connection.execute(migration_positions.delete())
        connection.execute(alembic_version.update().values(version_num="0001"))
    (problem,) = problems(team)
    assert problem.what == f"its tables are of revision 0001, not {HEAD}"
    with team.database.writing() as connection:
        connection.execute(alembic_version.update().values(version_num="0999"))
    with pytest.raises(StateError, match="newer"):
        checked(team)


def test_damaged_file_is_a_problem(sqlite_server: Server) -> None:
    with sqlite_server.database.writing() as connection:
        rows = [{"digest": f"{number:064}", "document": b"x" * 5000} for number in range(50)]
        connection.execute(snapshots.insert(), rows)
    sqlite_server.database.close()
    path = sqlite_server.state / "envguard.db"
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = b"\xff" * (len(content) - len(content) // 2)
    path.write_bytes(content)
    document = checked(sqlite_server)
    assert document.problems
    assert all(each.what.startswith("the file is damaged: ") for each in document.problems)
    assert document.documents is None


def test_rows_that_point_to_nothing_are_counted(sqlite_server: Server) -> None:
    sqlite_server.report(sqlite_server.enrol("ws-7"), HELD, GOOD)
    with sqlite_server.database.migrating() as connection:
        connection.execute(machines.delete())
    assert {each.what for each in problems(sqlite_server)} == {
        f"1 rows of `{table.name}` point to rows that are not there" for table in (environments, standings)
    }


def test_command_says_it_in_words_and_by_its_exit_code(
    sqlite_server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments = ["server", "check", "--state", str(sqlite_server.state)]
    assert run(arguments) == 0
    assert capfd.readouterr().out.splitlines()[-1] == "sound       nothing to do"
    with sqlite_server.database.writing() as connection:
        connection.execute(snapshots.insert().values(digest="sha256:1", document=b"x"))
    assert run(arguments) == 1
    assert "\nproblem     snapshots: sha256:1: it cannot be read" in capfd.readouterr().out
    assert run([*arguments, "--json"]) == 1
    assert json.loads(capfd.readouterr().out)["schema"] == "envguard/server-check/1"
    assert run(["server", "check", "--state", str(tmp_path)]) == 3
    assert "there is no database" in capfd.readouterr().err
    assert run(["server", "check", "--database", "postgresql://ann:hunter2@127.0.0.1:1/db"]) == 3
    assert "hunter2" not in "".join(capfd.readouterr())
