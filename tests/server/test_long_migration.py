"""A revision that writes many rows anew: cut off by a kill, done by two at once, left to the operator."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from envguard.errors import StateError
from envguard.server.migrating import migrate, plan_migration
from envguard.server.store.database import Database
from envguard.server.store.migrations.chain import VERSIONS, Chain
from envguard.server.store.migrations.running import Position
from envguard.server.store.preparing import leave, make_ready
from envguard.server.store.revision import revision_of
from envguard.server.store.schema import HEAD
from tests.server.test_database import all_at_once
from tests.server.test_migrations import make_old

ROWS, BATCH = 200, 10
LONG = f"{int(HEAD) + 1:04}"
REVISION = f'''
"""Counts machines."""
import time
import sqlalchemy as sa
from envguard.server.store.migrations.chain import Filled

revision, down_revision = "{LONG}", "{HEAD}"

def rows(connection):
    return connection.exec_driver_sql("SELECT count(*) FROM machines").scalar() * FACTOR

def upgrade(op):
    op.add_column("machines", sa.Column("times", sa.Integer))

def fill(connection, after):
    time.sleep(0.005)
    query = sa.text("SELECT id FROM machines WHERE id > :after ORDER BY id LIMIT {BATCH}")
    ids = connection.execute(query, {{"after": after}}).scalars().all()
    for each in ids:
        set_ = sa.text("UPDATE machines SET times = coalesce(times, 0) + 1 WHERE id = :id")
        connection.execute(set_, {{"id": each}})
    return Filled(ids[-1] if len(ids) == {BATCH} else None, len(ids))

def finish(op):
    with op.batch_alter_table("machines") as table:
        table.alter_column("times", existing_type=sa.Integer, nullable=False)
'''
PROGRAM = """
import sys
from pathlib import Path
from envguard.server.migrating import migrate
from envguard.server.store.migrations.chain import VERSIONS, Chain
def report(at):
    print(at.revision, at.rows_done, at.rows_total, flush=True)
migrate(Path(sys.argv[1]), sys.argv[2], report, Chain((VERSIONS, Path(sys.argv[1]))))
"""
Chained = Callable[[int], Chain]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the fifth version with many machines."""
    made = f"sqlite:///{tmp_path / 'x.db'}"
    if request.param == "postgresql":
        made = request.getfixturevalue("cluster").bare_database()
    make_old(made, 5)
    database = Database(made, prepare=leave)
    with database.writing() as connection:
        insert = "INSERT INTO machines (id, name, labels, secret_digest, seen_at) VALUES (:n, :n, :l, :n, 1)"
        many = [{"n": f"m{number:04}", "l": b"{}"} for number in range(ROWS - 1)]  # and `m`
        connection.execute(sa.text(insert), many)
    database.close()
    return made


@pytest.fixture
def chained(tmp_path: Path) -> Chained:
    """Answer the chain with a revision more, that tells so many times as many rows as there are."""

    def make(factor: int) -> Chain:
        (tmp_path / f"{LONG}_counts.py").write_text(REVISION.replace("FACTOR", str(factor)))
        return Chain((VERSIONS, tmp_path))

    return make


@contextlib.contextmanager
def migrating(folder: Path, url: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", PROGRAM, str(folder), url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def reaches(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    assert any(each.strip() == line for each in process.stdout), f"it never said `{line}`"


def holds_each_row_done_once(url: str) -> None:
    database = Database(url, prepare=leave)
    with database.reading() as connection:
        counted = connection.exec_driver_sql("SELECT times, count(*) FROM machines GROUP BY times").all()
        assert [tuple(each) for each in counted] == [(1, ROWS)]
        assert revision_of(connection) == LONG
        assert connection.exec_driver_sql("SELECT count(*) FROM environments").scalar() == 1
        if url.startswith("sqlite"):
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
    database.close()


def test_killed_migration_goes_on_where_it_was(url: str, chained: Chained, tmp_path: Path) -> None:
    chain = chained(1)
    with migrating(tmp_path, url) as process:
        reaches(process, f"{LONG} 50 {ROWS}")
        process.kill()
    (rest,) = plan_migration(tmp_path, url, chain).steps
    assert rest.rows is not None
    assert 0 < rest.rows <= ROWS - 50
    seen: list[int] = []
    migrate(tmp_path, url, lambda at: seen.append(at.rows_done), chain)
    assert seen[0] == ROWS - rest.rows + BATCH
    holds_each_row_done_once(url)


def test_two_at_once_take_turns(url: str, chained: Chained, tmp_path: Path) -> None:
    chain = chained(1)
    seen: list[int] = []

    def note(position: Position) -> None:
        if position.revision == LONG:
            seen.append(position.rows_done)

    all_at_once(*[lambda: migrate(tmp_path, url, note, chain)] * 2)
    assert sorted(seen) == [*range(0, ROWS + 1, BATCH), ROWS]
    holds_each_row_done_once(url)


def test_older_server_refuses_from_the_first_transaction_on(
    url: str, chained: Chained, tmp_path: Path
) -> None:
    def cut_off(position: Position) -> None:
        if position.revision == LONG:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        migrate(tmp_path, url, cut_off, chained(1))
    with pytest.raises(StateError, match=f"newer envguard: revision {LONG}"):
        Database(url)


def test_server_leaves_many_rows_to_the_operator(url: str, chained: Chained) -> None:
    chain = chained(1000)
    with pytest.raises(StateError, match=r"must be migrated first: counts machines, 200,000 rows") as caught:
        Database(url, prepare=lambda each: make_ready(each, lambda: chain))
    assert caught.value.hint == "stop all servers on it, then: envguard server migrate"


def test_server_writes_few_rows_anew_by_itself(url: str, chained: Chained) -> None:
    chain = chained(1)
    Database(url, prepare=lambda each: make_ready(each, lambda: chain)).close()
    holds_each_row_done_once(url)
