"""Two agents with one identity, of a copied state folder: both are named, and neither is heard."""

from __future__ import annotations

import msgspec
import pytest

from tests.server.asking import GOOD, Answer, Server, a_checkin, a_record, records, says

HELD = records(a_record(GOOD))
HOSTS = {"a": "ws-7", "b": "gpu-2", "c": "ws-7"}


class Machine:
    """One secret, and whoever speaks with it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.secret = server.enrol("ws-7")
        server.report(self.secret, HELD, GOOD)

    def say(self, speaker: str | None, seq: int, epoch: str = "e1") -> Answer:
        host = HOSTS[speaker] if speaker else None
        said = a_checkin(HELD, epoch=epoch, seq=seq, speaker=speaker, host=host)
        return self.server.ask("POST", "/checkin", said, token=self.secret)

    def statuses(self, *said: tuple[str | None, int]) -> list[int]:
        return [self.say(*each).status for each in said]


@pytest.fixture
def machine(server: Server) -> Machine:
    return Machine(server)


def test_copy_that_goes_ahead_is_told_with_the_one_that_comes_back(machine: Machine) -> None:
    assert machine.statuses(("a", 1), ("b", 2)) == [200, 200]
    says(machine.say("a", 2), 409, "two machines", "`ws-7` (127.0.0.1)", "`gpu-2` (127.0.0.1)", "join")
    says(machine.say("b", 3), 409, "`ws-7`", "`gpu-2`", "neither is heard")


def test_copy_that_is_behind_is_told_once_both_go_on(machine: Machine) -> None:
    said = [("a", 50), ("b", 7), ("a", 51), ("b", 8), ("a", 52)]
    assert machine.statuses(*said) == [200, 409, 200, 409, 409]
    says(machine.say("a", 53), 409, "`gpu-2`")


def test_copy_with_the_same_numbers_is_told(machine: Machine) -> None:
    assert machine.statuses(("a", 5), ("b", 5), ("a", 6), ("b", 6), ("a", 7)) == [200, 409, 200, 409, 409]


def test_copy_with_an_epoch_of_its_own_is_told(machine: Machine) -> None:
    assert [machine.say("a", 5).status, machine.say("b", 1, "e2").status] == [200, 200]
    says(machine.say("a", 6), 409, "two machines")


def test_report_names_both_and_is_sure_of_neither(machine: Machine) -> None:
    machine.server.push()
    assert machine.server.team().summary.compliant == 1
    machine.statuses(("a", 1), ("b", 2), ("a", 2))
    team = machine.server.team()
    (row,) = team.machines
    assert (row.verdict, team.summary.unknown) == ("unknown", 1)
    assert [(each.host, each.address) for each in row.copies] == [
        ("gpu-2", "127.0.0.1"),
        ("ws-7", "127.0.0.1"),
    ]
    assert row.reason == "two machines speak as it: `gpu-2` (127.0.0.1) and `ws-7` (127.0.0.1)"


def test_one_that_stays_silent_leaves_the_machine_to_the_other(machine: Machine) -> None:
    machine.statuses(("a", 1), ("b", 9), ("a", 2))
    machine.server.now_s += 100
    assert machine.say("a", 3).status == 409
    machine.server.now_s += 100
    assert machine.statuses(("a", 4), ("a", 5)) == [200, 200]
    assert machine.server.team().machines[0].copies == ()


def test_machine_that_joins_again_is_one(machine: Machine) -> None:
    machine.statuses(("a", 1), ("b", 2), ("a", 2))
    machine.secret = machine.server.enrol("ws-7")
    assert machine.statuses(("a", 3), ("a", 4)) == [200, 200]


@pytest.mark.parametrize(
    ("said", "statuses"),
    [
        ([("a", 1), ("b", 2), ("b", 3), ("c", 4), ("c", 5)], [200] * 5),
        (
            [("a", 1), ("a", 2), ("b", 3), ("a", 2), ("b", 4), ("a", 1), ("b", 5)],
            [200, 200, 200, 409, 200, 409, 200],
        ),
        ([("a", 9), ("b", 4), ("b", 4), ("a", 10), ("b", 4), ("a", 11)], [200, 409, 409, 200, 409, 200]),
        ([("a", 9), ("a", 8), ("a", 9), ("a", 10)], [200, 409, 200, 200]),
        ([(None, 1), (None, 5), ("a", 6), (None, 7), ("a", 8)], [200] * 5),
    ],
    ids=["boots", "late of an earlier boot", "again from a backup", "late", "older agents"],
)
def test_what_only_looks_like_a_copy_is_none(
    machine: Machine, said: list[tuple[str | None, int]], statuses: list[int]
) -> None:
    assert machine.statuses(*said) == statuses
    assert machine.server.team().machines[0].copies == ()


def test_gap_in_the_numbers_brings_all_that_is_lacking(machine: Machine) -> None:
    machine.say("a", 1)
    other = records(a_record(GOOD, "/srv/new"))
    said = a_checkin(other, seq=70, speaker="a", host="ws-7")
    assert machine.server.ask("POST", "/checkin", said, token=machine.secret).json()["wants_records"]
    machine.server.report(machine.secret, other)
    again = a_checkin(other, seq=71, speaker="a", host="ws-7")
    assert not machine.server.ask("POST", "/checkin", again, token=machine.secret).json()["wants_records"]


def test_names_that_are_none_are_refused(machine: Machine) -> None:
    for field in ("speaker", "host"):
        said = a_checkin(HELD, speaker="a", host="ws-7")
        message = {**msgspec.to_builtins(said), field: "a\x00"}
        answer = machine.server.ask("POST", "/checkin", message, token=machine.secret)
        says(answer, 400, f"$.{field}")
