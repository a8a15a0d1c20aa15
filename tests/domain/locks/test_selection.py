"""What of a lock an environment must have, and what it may have."""

from __future__ import annotations

import pytest

from envguard.domain.environment import Digest
from envguard.domain.locks.lock import Dependency, Lock, LockChoice, LockedPackage, Root
from envguard.domain.locks.selection import (
    DEFAULT_CHOICE,
    Ambiguous,
    Selected,
    WrongPython,
    marker_values,
    select,
)
from tests.builders.documents import FACTS, an_interpreter

MARKERS = marker_values(an_interpreter("3.11.7"), FACTS)


def a_graph(*packages: LockedPackage, roots: tuple[Root, ...], **more: tuple[str, ...]) -> Lock:
    digest = Digest("sha256:" + "1" * 64)
    return Lock(packages=packages, digest=digest, roots=roots, project="proj", **more)  # type: ignore[arg-type]  # the fields are the caller's words


def a_flat_lock(*packages: LockedPackage, **more: tuple[str, ...]) -> Lock:
    return Lock(packages=packages, digest=Digest("sha256:" + "1" * 64), **more)  # type: ignore[arg-type]  # the fields are the caller's words


def must_and_may(lock: Lock, choice: LockChoice = DEFAULT_CHOICE) -> tuple[list[str], list[str]]:
    selected = select(lock, MARKERS, choice)
    assert isinstance(selected, Selected), selected
    return (
        sorted(f"{each.name} {each.version}" for each in selected.packages.values()),
        sorted(f"{one.name} {one.version}" for each in selected.optional.values() for one in each),
    )


GROUPED = a_flat_lock(
    LockedPackage("gym", "0.26.2"),
    LockedPackage("pytest", "8.0", marker="'dev' in dependency_groups"),
    LockedPackage("torch", "2.4.1", marker="'train' in extras"),
    extras=("train",),
    groups=("dev", "docs"),
    default_groups=("dev",),
)


@pytest.mark.parametrize(
    ("choice", "must", "may"),
    [
        pytest.param(LockChoice(), ["gym 0.26.2", "pytest 8.0"], ["torch 2.4.1"], id="the default groups"),
        pytest.param(
            LockChoice(groups=()), ["gym 0.26.2"], ["pytest 8.0", "torch 2.4.1"], id="none of the groups"
        ),
        pytest.param(
            LockChoice(extras=("train",)), ["gym 0.26.2", "pytest 8.0", "torch 2.4.1"], [], id="an extra"
        ),
    ],
)
def test_of_a_flat_lock_the_chosen_must_and_the_rest_may_be_there(
    choice: LockChoice, must: list[str], may: list[str]
) -> None:
    assert must_and_may(GROUPED, choice) == (must, may)


GRAPH = a_graph(
    LockedPackage(
        "gym",
        "0.26.2",
        dependencies=(Dependency("numpy"), Dependency("tomli", marker="python_version < '3.11'")),
        extra_dependencies={"box": (Dependency("pygame"),)},
    ),
    LockedPackage("numpy", "1.26.4"),
    LockedPackage("tomli", "2.0.1"),
    LockedPackage("pygame", "2.1.0", dependencies=(Dependency("gym"),)),
    LockedPackage("pytest", "8.0"),
    LockedPackage("nobody-asks", "1.0"),
    roots=(
        Root(Dependency("gym")),
        Root(Dependency("gym", extras=("box",)), extra="games"),
        Root(Dependency("pytest"), group="dev"),
    ),
    extras=("games",),
    groups=("dev",),
    default_groups=("dev",),
)


@pytest.mark.parametrize(
    ("choice", "must", "may"),
    [
        pytest.param(
            LockChoice(), ["gym 0.26.2", "numpy 1.26.4", "pytest 8.0"], ["pygame 2.1.0"], id="as it is"
        ),
        pytest.param(
            LockChoice(groups=()),
            ["gym 0.26.2", "numpy 1.26.4"],
            ["pygame 2.1.0", "pytest 8.0"],
            id="none",
        ),
        pytest.param(
            LockChoice(extras=("games",)),
            ["gym 0.26.2", "numpy 1.26.4", "pygame 2.1.0", "pytest 8.0"],
            [],
            id="an extra brings the extra of what it asks for, and a circle ends",
        ),
    ],
)
def test_of_a_graph_what_the_chosen_roots_reach_must_be_there(
    choice: LockChoice, must: list[str], may: list[str]
) -> None:
    assert must_and_may(GRAPH, choice) == (must, may)


def test_of_several_entries_of_a_name_the_edge_says_which() -> None:
    lock = a_graph(
        LockedPackage("numpy", "1.26.4", marker="python_version < '3.12'"),
        LockedPackage("numpy", "2.1.3", marker="python_version >= '3.12'"),
        LockedPackage("old", "1"),
        LockedPackage("old", "2"),
        roots=(
            Root(Dependency("numpy", version="1.26.4", marker="python_version < '3.12'")),
            Root(Dependency("numpy", version="2.1.3", marker="python_version >= '3.12'")),
            Root(Dependency("old", specifier=">=2")),
        ),
    )
    assert must_and_may(lock)[0] == ["numpy 1.26.4", "old 2"]


def test_of_several_entries_without_a_word_the_entry_s_own_marker_decides() -> None:
    lock = a_graph(
        LockedPackage("numpy", "1.26.4", marker="python_version < '3.12'"),
        LockedPackage("numpy", "2.1.3", marker="python_version >= '3.12'"),
        roots=(Root(Dependency("numpy")),),
    )
    assert must_and_may(lock)[0] == ["numpy 1.26.4"]


@pytest.mark.parametrize(
    ("packages", "reason"),
    [
        pytest.param((LockedPackage("a", "1"), LockedPackage("a", "2")), "two entries", id="twice"),
        pytest.param((LockedPackage("a", "1", marker="extra == 'x'"),), "cannot be decided", id="a word"),
    ],
)
def test_what_the_lock_leaves_open_is_ambiguous(packages: tuple[LockedPackage, ...], reason: str) -> None:
    selection = select(a_flat_lock(*packages), MARKERS)
    assert isinstance(selection, Ambiguous)
    assert selection.package == "a"
    assert reason in selection.reason


def test_a_graph_that_asks_for_what_it_does_not_have_is_ambiguous() -> None:
    selection = select(a_graph(roots=(Root(Dependency("gym")),)), MARKERS)
    assert selection == Ambiguous("gym", "the lock asks for it, and has no entry of it that applies here")


def test_a_lock_of_other_environments_selects_nothing() -> None:
    lock = a_flat_lock(LockedPackage("a", "1"), environments=("sys_platform == 'win32'",))
    assert select(lock, MARKERS) == WrongPython("sys_platform == 'win32'")


def test_a_package_for_other_pythons_makes_the_lock_one_for_other_pythons() -> None:
    lock = a_flat_lock(LockedPackage("a", "1", requires_python=">=3.12"))
    assert select(lock, MARKERS) == WrongPython(">=3.12 (for a)")
