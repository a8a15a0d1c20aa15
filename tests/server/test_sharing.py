"""Those who wait to write to SQLite share a commit, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from envguard.server.store.database import Database

_NUMBERS = sa.table("numbers", sa.column("number", sa.Integer), sa.column("text", sa.Text))


class File:
    """A database with one table, of which commits are counted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = Database(f"sqlite:///{path}")
        self.commits = 0
        with self.database.writing() as connection:
            connection.exec_driver_sql("CREATE TABLE numbers (number INTEGER PRIMARY KEY, text TEXT)")
        sa.event.listen(connection.engine, "commit", self._count)

    def _count(self, _connection: sa.Connection) -> None:
        self.commits += 1

    def add(self, number: int, text: str = "") -> None:
        with self.database.writing() as connection:
            connection.execute(_NUMBERS.insert().values(number=number, text=text))

    def kept(self) -> set[int]:
        """What is on disk, as another process would see it."""
        other = sa.create_engine(f"sqlite:///{self.path}")
        with other.connect() as connection:
            found = set(connection.scalars(sa.select(_NUMBERS.c.number)))
        other.dispose()
        return found


@pytest.fixture
def file(tmp_path: Path) -> Iterator[File]:
    made = File(tmp_path / "x.db")
    yield made
    made.database.close()


def all_waiting_at_once(file: File, acts: Sequence[Callable[[], None]]) -> list[BaseException | None]:
    """Let all of these wait for one that writes alone; answer what each raised."""
    found: list[BaseException | None] = [None] * len(acts)

    def run(place: int) -> None:
        try:
            acts[place]()
        except Exception as error:  # noqa: BLE001 - handed to the test's own thread
            found[place] = error

    threads = [threading.Thread(target=run, args=[place]) for place in range(len(acts))]
    with file.database.migrating():
        for thread in threads:
            thread.start()
        until(lambda: file.database._commits._waiting == len(acts))
    for thread in threads:
        thread.join(20)
    return found


def until(is_so: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(5000):
        if is_so():
            return
        waited.wait(0.002)
    pytest.fail("it did not come to that")


def adding(file: File, *numbers: int) -> list[Callable[[], None]]:
    return [partial(file.add, number) for number in numbers]


def test_those_who_waited_share_one_commit_and_all_is_on_disk(file: File) -> None:
    before = file.commits
    assert all_waiting_at_once(file, adding(file, *range(1, 11))) == [None] * 10
    assert file.kept() == set(range(1, 11))
    assert file.commits - before == 2  # and that of the one they waited for


def test_one_that_fails_takes_nothing_else_with_it(file: File) -> None:
    raised = all_waiting_at_once(file, adding(file, 1, 2, 1, 3, 2))
    assert [type(each) for each in raised if each is not None] == [sa.exc.IntegrityError] * 2
    assert file.kept() == {1, 2, 3}
    file.add(4)
    assert file.kept() == {1, 2, 3, 4}


def test_lone_one_that_fails_leaves_nothing(file: File) -> None:
    file.add(1)
    with pytest.raises(sa.exc.IntegrityError):
        file.add(1)
    file.add(2)
    assert file.kept() == {1, 2}


def test_nobody_waits_for_more_than_so_many(file: File) -> None:
    before = file.commits
    all_waiting_at_once(file, adding(file, *range(1, 70)))
    assert file.kept() == set(range(1, 70))
    assert file.commits - before >= 3


def test_disk_that_is_full_keeps_what_was_acknowledged_and_nothing_else(file: File) -> None:
    with file.database.writing() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 30}")
    acts = [partial(file.add, number, "x" * 20_000) for number in range(1, 13)]
    raised = all_waiting_at_once(file, acts)
    assert {"full" in str(error) for error in raised if error is not None} == {True}
    acknowledged = {number for number, error in enumerate(raised, 1) if error is None}
    assert any(raised)
    assert file.kept() == acknowledged
    with file.database.writing() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    file.add(99)
    assert 99 in file.kept()


def test_who_must_write_alone_finds_the_others_committed(file: File) -> None:
    seen: list[set[int]] = []

    def alone() -> None:
        with file.database.migrating():
            seen.append(file.kept())

    acts = [*adding(file, 1, 2), alone, *adding(file, 3)]
    assert all_waiting_at_once(file, acts) == [None] * 4
    assert seen[0] <= {1, 2, 3}
    assert file.kept() == {1, 2, 3}
