"""Chores: of several servers on one database one does them, and another when that one is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from envguard.server.service import Service
from envguard.server.store.database import Database
from envguard.server.store.schema import (
    ended_secrets,
    join_tokens,
    leases,
    people_tokens,
    rank_notes,
    sessions,
)
from envguard.server.upkeep import Chore, Upkeep
from tests.server.asking import Server

DAY_S = 24 * 3600.0


class Watched:
    """A server's chores, and how often they were done."""

    def __init__(self, service: Service, times: list[str], name: str) -> None:
        self.at_s = 0.0
        chore = Chore("count", 600.0, lambda _connection, _now_s: times.append(name))
        self.upkeep = Upkeep(service, (chore,), monotonic=lambda: self.at_s)

    def look(self, later_s: float = 0.0) -> None:
        self.at_s += later_s
        self.upkeep.look()


@pytest.fixture
def two(server: Server) -> Iterator[tuple[Watched, Watched, list[str]]]:
    """Two servers on one database, and who did the chore."""
    url = server.url or f"sqlite:///{server.state / 'envguard.db'}"
    other = Database(url)
    times: list[str] = []
    service = Service(database=other, clock=lambda: server.now_s, url="http://x", interval_s=60.0)
    yield Watched(server.service, times, "first"), Watched(service, times, "second"), times
    other.close()


def test_one_of_two_does_them_as_often_as_they_are_due(two: tuple[Watched, Watched, list[str]]) -> None:
    first, second, times = two
    for later_s in (0.0, 300.0, 299.0, 1.0, 599.0):
        first.look(later_s)
        second.look(later_s)
    assert times == ["first", "first"]


def test_other_one_has_them_when_the_first_stops(two: tuple[Watched, Watched, list[str]]) -> None:
    first, second, times = two
    first.look()
    first.upkeep.stop()
    first.look(1000.0)
    second.look()
    assert times == ["first", "second"]


def test_other_one_has_them_when_the_first_is_no_more(
    server: Server, two: tuple[Watched, Watched, list[str]]
) -> None:
    first, second, times = two
    first.look()
    with server.database.writing() as connection:
        connection.execute(leases.update().values(until=1.0))  # as a minute would
    second.look()
    first.look(1000.0)
    assert times == ["first", "second"]


def test_what_ended_goes_and_the_rest_stays(server: Server) -> None:
    now_s = server.now_s
    with server.database.writing() as connection:
        for number, ended_s in enumerate((40 * DAY_S, 2 * DAY_S, -DAY_S)):
            ends = {"digest": str(number), "expires_at": now_s - ended_s}
            connection.execute(join_tokens.insert().values(**ends, made_at=0.0, uses_left=1))
            connection.execute(sessions.insert().values(**ends, token_digest="0"))
            who = {"person": "ann", "role": "lead", "made_at": 0.0, "made_by": "admin"}
            connection.execute(people_tokens.insert().values(**ends, **who))
            for why in ("lost", "revoked"):
                ended = {"digest": f"{why}{number}", "why": why, "name": "", "ended_at": now_s - 20 * ended_s}
                connection.execute(ended_secrets.insert().values(ended))
            note = {"meeting": "m", "name": str(number), "author": "a", "size_bytes": 0, "content": b""}
            connection.execute(rank_notes.insert().values(**note, made_at=now_s - ended_s))
    Upkeep(server.service).look()
    with server.database.reading() as connection:
        left = {
            table.name: set(connection.scalars(sa.select(column)))
            for table, column in (
                (join_tokens, join_tokens.c.digest),
                (sessions, sessions.c.digest),
                (people_tokens, people_tokens.c.digest),
                (ended_secrets, ended_secrets.c.digest),
                (rank_notes, rank_notes.c.name),
            )
        }
    assert left == {
        "join_tokens": {"1", "2"},
        "people_tokens": {"1", "2"},
        "sessions": {"2"},
        "rank_notes": {"2"},
        "ended_secrets": {"lost1", "lost2", "revoked0", "revoked1", "revoked2"},
    }


def test_database_that_fails_is_looked_at_again(sqlite_server: Server) -> None:
    upkeep = Upkeep(sqlite_server.service)
    with sqlite_server.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE leases RENAME TO away")
    upkeep.look()
    with sqlite_server.database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO leases")
    upkeep.look()
    with sqlite_server.database.reading() as connection:
        assert connection.scalar(sa.select(leases.c.token)) == 1
