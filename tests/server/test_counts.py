"""``GET team/counts`` counts each kind of machine as the report does."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from envguard.server.reporting import team_counts
from envguard.wire import Goodbye, Records, TeamSummary
from tests.server.asking import BAD, GOOD, Server, a_checkin, a_record, records

INTERVAL_S, DAY_S = 60.0, 24 * 3600.0
HELD = records(a_record(GOOD))


class Machine:
    """One secret, and numbers that go on."""

    def __init__(self, server: Server, **labels: str) -> None:
        self.server, self.seq = server, 0
        self.secret = server.enrol("ws-7", **labels)
        server.report(self.secret, HELD, GOOD)
        self.check_in("a")

    def check_in(self, *speakers: str, told: Records = HELD) -> None:
        for speaker in speakers:
            self.seq += 1
            said = a_checkin(told, seq=self.seq, speaker=speaker, host=speaker)
            self.server.ask("POST", "/checkin", said, token=self.secret)

    def leave(self) -> None:
        self.seq += 1
        assert self.server.ask("POST", "/goodbye", Goodbye("e1", self.seq), token=self.secret).status == 204

    def wait(self, seconds: float) -> None:
        self.server.now_s += seconds


def nothing(_machine: Machine) -> None:
    pass


def goodbye(machine: Machine) -> None:
    machine.leave()


def goodbye_with_drift(machine: Machine) -> None:
    machine.server.report(machine.secret, records(a_record(BAD)), BAD)
    machine.leave()


def goodbye_long_ago(machine: Machine) -> None:
    machine.leave()
    machine.wait(7 * DAY_S)


def came_back(machine: Machine) -> None:
    machine.leave()
    machine.wait(DAY_S)
    machine.check_in("a")


def silent(machine: Machine) -> None:
    machine.wait(3 * INTERVAL_S + 1)


def silent_for_long(machine: Machine) -> None:
    machine.wait(7 * DAY_S)


def two(machine: Machine) -> None:
    machine.check_in("b", "a")


def two_after_drift(machine: Machine) -> None:
    machine.server.report(machine.secret, records(a_record(BAD)), BAD)
    machine.check_in("b", "a")


def two_and_goodbye(machine: Machine) -> None:
    two(machine)
    machine.seq += 10
    machine.leave()


def one_again(machine: Machine) -> None:
    two(machine)
    machine.wait(100)
    machine.check_in("a")
    machine.wait(100)
    machine.check_in("a")


def told_other_records(machine: Machine) -> None:
    machine.check_in("a", told=records())


@pytest.mark.parametrize(
    ("labels", "act", "counted_as"),
    [
        ({}, nothing, "compliant"),
        ({}, goodbye, "away"),
        ({}, goodbye_with_drift, "away"),
        ({}, goodbye_long_ago, "unknown"),
        ({"laptop": "yes"}, goodbye_long_ago, "unknown"),
        ({}, came_back, "compliant"),
        ({}, silent, "unknown"),
        ({"laptop": "yes"}, silent, "away"),
        ({"laptop": "no"}, silent, "unknown"),
        ({"kind": "laptop"}, silent_for_long, "unknown"),
        ({}, two, "unknown"),
        ({}, two_after_drift, "unknown"),
        ({}, two_and_goodbye, "away"),
        ({}, one_again, "compliant"),
        ({}, told_other_records, "unknown"),
    ],
)
def test_machine_is_counted_as_the_report_counts_it(
    server: Server, labels: dict[str, str], act: Callable[[Machine], None], counted_as: str
) -> None:
    server.push()
    act(Machine(server, **labels))
    expected = TeamSummary(
        machines=1,
        compliant=int(counted_as == "compliant"),
        drifted=0,
        unknown=int(counted_as == "unknown"),
        unmanaged=0,
        away=int(counted_as == "away"),
    )
    assert team_counts(server.service).summary == expected
    assert server.team().summary == expected
