from __future__ import annotations

import pytest
from msgspec.structs import replace

from envguard.domain.comparison import (
    Comparison,
    EnvironmentSide,
    Incomparable,
    LockSide,
    MachineSide,
    Side,
    compare_sides,
)
from envguard.domain.difference import FieldDifference
from envguard.domain.environment import Environment, Scan, Snapshot
from envguard.domain.facts import MachineFacts
from envguard.domain.locks.lock import Lock, LockedPackage
from tests.builders.documents import FACTS, a_lock, a_record, a_snapshot, an_environment

OTHER = replace(FACTS, kernel="6.6.0")


def a_side(snapshot: Snapshot, facts: MachineFacts | None = FACTS, **record: object) -> EnvironmentSide:
    return EnvironmentSide(given=".venv", snapshot=snapshot, record=a_record(**record), facts=facts)  # type: ignore[arg-type]  # the fields are the caller's words


def a_machine(*environments: Environment, facts: MachineFacts = FACTS) -> MachineSide:
    return MachineSide(given="scan.json", machine="ws-7", scan=Scan(facts, environments))


def lock_side(lock: Lock) -> LockSide:
    return LockSide(given="pylock.toml", lock=lock)


def compared(a: Side, b: Side) -> Comparison:
    found = compare_sides(a, b)
    assert isinstance(found, Comparison)
    return found


def test_equal_environments_on_equal_machines_are_equal() -> None:
    assert compared(a_side(a_snapshot(gym="1")), a_side(a_snapshot(gym="1"), path="/home/bob/.venv")).is_equal


def test_equal_environments_on_unlike_machines_differ_in_facts() -> None:
    found = compared(a_side(a_snapshot()), a_side(a_snapshot(), OTHER))
    assert found.facts == (FieldDifference("kernel", "6.1.0", "6.6.0"),)
    assert found.pairs[0].is_equal
    assert not found.is_equal


def test_facts_that_one_side_does_not_know_are_not_compared() -> None:
    snapshot = EnvironmentSide(given="snapshot.json", snapshot=a_snapshot())
    assert compared(a_side(a_snapshot(), blas="mkl"), snapshot).is_equal


@pytest.mark.parametrize(
    ("a", "b", "differs"),
    [("mkl", "openblas", True), ("mkl", "mkl", False), ("mkl", None, False), (None, "mkl", False)],
)
def test_numpys_library_is_compared_where_both_sides_know_it(
    a: str | None, b: str | None, differs: bool
) -> None:
    found = compared(a_side(a_snapshot(), blas=a), a_side(a_snapshot(), blas=b))
    assert found.is_equal is not differs
    assert (found.pairs[0].blas is not None) is differs


def test_a_locks_markers_are_asked_of_the_environment() -> None:
    lock = a_lock({"tomli": "python_version < '3.11'", "gym": "python_version >= '3.11'"}, tomli="2", gym="1")
    assert compared(lock_side(lock), a_side(a_snapshot("3.11.7", gym="1"))).is_equal
    [pair] = compared(lock_side(lock), a_side(a_snapshot("3.10.13", gym="1"))).pairs
    assert [(each.name, bool(each.a), bool(each.b)) for each in pair.difference.packages] == [
        ("gym", False, True),
        ("tomli", True, False),
    ]


def test_a_marker_on_the_kernel_is_asked_of_the_machine() -> None:
    lock = a_lock({"gym": "platform_release == '6.6.0'"}, gym="1")
    assert compared(lock_side(lock), a_side(a_snapshot(gym="1"), OTHER)).is_equal
    assert not compared(lock_side(lock), a_side(a_snapshot(gym="1"), None)).is_equal


def test_an_environment_against_a_lock_is_the_lock_against_it_turned_around() -> None:
    lock, side = lock_side(a_lock(gym="1", numpy="2")), a_side(a_snapshot(gym="2", torch="1"))
    [pair], [turned] = compared(lock, side).pairs, compared(side, lock).pairs
    assert (pair.a, pair.b) == (turned.b, turned.a) == ("pylock.toml", "/home/ann/rl/.venv")
    assert [(each.a, each.b) for each in pair.difference.packages] == [
        (each.b, each.a) for each in turned.difference.packages
    ]


def test_a_lock_for_another_python_differs_and_says_that_packages_were_not_compared() -> None:
    lock = replace(a_lock(gym="1"), requires_python=">=3.12")
    side = a_side(a_snapshot(gym="2"))
    for found in (compared(lock_side(lock), side), compared(side, lock_side(lock))):
        assert not found.is_equal
        assert found.pairs[0].difference.packages == ()
        assert found.pairs[0].not_compared


@pytest.mark.parametrize("is_first", [True, False])
def test_a_lock_that_is_no_one_answer_cannot_be_compared(is_first: bool) -> None:
    lock = lock_side(replace(a_lock(), packages=(LockedPackage("gym", "1"), LockedPackage("gym", "2"))))
    side = a_side(a_snapshot())
    found = compare_sides(lock, side) if is_first else compare_sides(side, lock)
    assert isinstance(found, Incomparable)
    assert found.reason.startswith("gym: ")


def test_locks_are_compared_for_any_environment() -> None:
    assert compared(lock_side(a_lock(gym="1")), lock_side(a_lock(gym="1"))).is_equal
    assert not compared(lock_side(a_lock(gym="1")), lock_side(a_lock(gym="2"))).is_equal


def test_machines_are_compared_by_the_paths_of_their_environments() -> None:
    gym = a_snapshot(gym="1")
    a = a_machine(an_environment(gym, "/a"), an_environment(gym, "/b"), an_environment(gym, "/only-a"))
    b = a_machine(an_environment(a_snapshot(gym="2"), "/b"), an_environment(gym, "/a"), facts=OTHER)
    found = compared(a, b)
    assert [(pair.a, pair.b, pair.is_equal) for pair in found.pairs] == [
        ("/a", "/a", True),
        ("/b", "/b", False),
        ("/only-a", None, False),
    ]
    assert [field.field for field in found.facts] == ["kernel"]
    assert [(pair.a, pair.b) for pair in compared(b, a).pairs][-1] == (None, "/only-a")


def test_the_only_environments_of_two_machines_are_compared_whatever_they_are_called() -> None:
    gym = a_snapshot(gym="1")
    ann, bob = an_environment(gym, "/home/ann/.venv"), an_environment(gym, "/home/bob/.venv")
    assert compared(a_machine(ann), a_machine(bob)).is_equal


def test_machines_without_environments_are_equal_by_their_facts() -> None:
    assert compared(a_machine(), a_machine()).is_equal
    assert not compared(a_machine(), a_machine(facts=OTHER)).is_equal


def test_a_whole_machine_is_compared_with_nothing_smaller() -> None:
    assert isinstance(compare_sides(a_machine(), a_side(a_snapshot())), Incomparable)
    assert isinstance(compare_sides(lock_side(a_lock()), a_machine()), Incomparable)
