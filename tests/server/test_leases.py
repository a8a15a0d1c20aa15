"""What only one of several servers may do: leases, on real connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from envguard.server.store.database import Database
from envguard.server.store.leases import Holder, Lease, LeaseLostError, hold_to
from envguard.server.store.schema import leases as lease_table
from tests.server.asking import Server

LONG_S = 3600.0


def run_out(database: Database) -> None:
    """Let all leases end, as time would."""
    with database.writing() as connection:
        connection.execute(lease_table.update().values(until=1.0))


def may_write(database: Database, lease: Lease) -> bool:
    try:
        with database.writing() as connection:
            hold_to(connection, lease)
    except LeaseLostError:
        return False
    return True


@pytest.fixture
def databases(server: Server) -> Iterator[list[Database]]:
    """The connections of several servers on one database."""
    url = server.url or f"sqlite:///{server.state / 'envguard.db'}"
    made = [Database(url) for _ in range(4)]
    yield made
    for each in made:
        each.close()


def test_lease_has_one_holder_until_it_is_given_back(databases: list[Database]) -> None:
    ann, bob = Holder(databases[0]), Holder(databases[1])
    first = ann.hold("upkeep", for_s=LONG_S)
    assert first is not None
    assert bob.hold("upkeep", for_s=LONG_S) is None
    assert ann.hold("upkeep", for_s=LONG_S) == first
    ann.stop()
    second = bob.hold("upkeep", for_s=LONG_S)
    assert second is not None
    assert second.token > first.token


def test_leases_of_other_names_are_others(databases: list[Database]) -> None:
    ann, bob = Holder(databases[0]), Holder(databases[1])
    assert ann.hold("upkeep", for_s=LONG_S)
    assert bob.hold("rollout:7", for_s=LONG_S)
    ann.stop()
    assert ann.hold("rollout:7", for_s=LONG_S) is None
    assert bob.hold("upkeep", for_s=LONG_S) is not None


def test_who_stopped_takes_nothing_any_more(databases: list[Database]) -> None:
    ann = Holder(databases[0])
    ann.stop()
    assert ann.hold("upkeep", for_s=LONG_S) is None


def test_lease_ends_by_itself_and_its_holder_then_writes_nothing(databases: list[Database]) -> None:
    ann, bob = Holder(databases[0]), Holder(databases[1])
    first = ann.hold("upkeep", for_s=0.05)
    assert first is not None
    deadline = time.monotonic() + 5
    while (second := bob.hold("upkeep", for_s=LONG_S)) is None:
        assert time.monotonic() < deadline
    assert not may_write(databases[0], first)
    assert may_write(databases[1], second)
    assert ann.hold("upkeep", for_s=LONG_S) is None


def test_lease_that_ran_out_is_renewed_where_nobody_took_it(databases: list[Database]) -> None:
    ann = Holder(databases[0])
    first = ann.hold("upkeep", for_s=LONG_S)
    run_out(databases[0])
    assert ann.hold("upkeep", for_s=LONG_S) == first


def test_nobody_takes_a_lease_while_a_transaction_writes_under_it(databases: list[Database]) -> None:
    ann, bob = Holder(databases[0]), Holder(databases[1])
    lease = ann.hold("upkeep", for_s=LONG_S)
    assert lease is not None
    order: list[str] = []
    run_out(databases[0])
    with databases[0].writing() as connection:
        hold_to(connection, lease)
        thread = threading.Thread(target=lambda: order.append(str(bob.hold("upkeep", for_s=LONG_S))))
        thread.start()
        time.sleep(0.1)
        order.append("written")
    thread.join(10)
    assert order[0] == "written"
    assert "token=2" in order[1]


def test_what_many_write_under_short_leases_is_written_by_one_at_a_time(databases: list[Database]) -> None:
    with databases[0].writing() as connection:
        row = {"name": "count", "token": 0, "until": 0.0}
        connection.execute(lease_table.insert().values(row))
    written: list[int] = []
    until = time.monotonic() + 0.8

    def work(database: Database) -> None:
        holder = Holder(database)
        while time.monotonic() < until:
            lease = holder.hold("upkeep", for_s=0.002)
            if lease is None:
                continue
            try:
                with database.writing() as connection:
                    hold_to(connection, lease)
                    count = lease_table.c.name == "count"
                    before = connection.execute(sa.select(lease_table.c.until).where(count)).scalar_one()
                    connection.execute(lease_table.update().where(count).values(until=before + 1))
                    written.append(lease.token)
            except LeaseLostError:
                continue

    threads = [threading.Thread(target=work, args=[each]) for each in databases]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    with databases[0].reading() as connection:
        counted = connection.scalar(sa.select(lease_table.c.until).where(lease_table.c.name == "count"))
    assert len(set(written)) > 1
    assert written == sorted(written)
    assert counted == len(written)


class Leasing(RuleBasedStateMachine):
    """Three servers take, keep, lose and give back a lease, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        url = f"sqlite:///{Path(self._folder.name) / 'x.db'}"
        self._database = Database(url)
        self._holders = [Holder(self._database, f"server {number}") for number in range(3)]
        self._had: list[Lease] = []
        self._owner: str | None = None
        self._is_over = True

    @rule(number=st.integers(0, 2))
    def hold(self, number: int) -> None:
        holder = self._holders[number]
        lease = holder.hold("upkeep", for_s=LONG_S)
        assert (lease is not None) == (self._owner in (None, holder.name) or self._is_over)
        if lease is not None:
            assert lease.token >= max((each.token for each in self._had), default=0)
            assert self._owner == holder.name or all(lease.token > each.token for each in self._had)
            self._had.append(lease)
            self._owner, self._is_over = holder.name, False

    @rule(number=st.integers(0, 2))
    def start_again(self, number: int) -> None:
        was = self._holders[number].name
        self._holders[number].stop()
        self._holders[number] = Holder(self._database, self._holders[number].name + "'")
        if self._owner == was:
            self._owner, self._is_over = None, True

    @rule()
    def run_out(self) -> None:
        run_out(self._database)
        self._is_over = True

    @invariant()
    def one_may_write_at_most(self) -> None:
        may = {each for each in self._had if may_write(self._database, each)}
        assert len(may) <= 1
        assert {each.holder for each in may} == ({self._owner} - {None})

    def teardown(self) -> None:
        self._database.close()
        self._folder.cleanup()


TestLeasing = Leasing.TestCase
TestLeasing.settings = settings(
    max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
