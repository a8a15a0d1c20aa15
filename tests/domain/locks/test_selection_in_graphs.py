"""The rules by which a lock's entries are selected, where no tool's own lock shows them."""

from __future__ import annotations

import pytest

from envguard.domain.environment import Digest
from envguard.domain.locks.lock import Dependency, Lock, LockChoice, LockedPackage, Root
from envguard.domain.locks.selection import Ambiguous, Selected, WrongPython, select

MARKERS = {
    "python_version": "3.11",
    "python_full_version": "3.11.4",
    "sys_platform": "linux",
    "platform_version": "#1 SMP",
}
OLD = LockedPackage("numpy", "1.26.4", source="1.26.4")
NEW = LockedPackage("numpy", "2.1.0", source="2.1.0")
GYM = LockedPackage("gym", "0.26.2", dependencies=(Dependency("numpy"),))


def a_graph(*packages: LockedPackage, roots: tuple[Root, ...], **more: object) -> Lock:
    lock = Lock(packages=packages, digest=Digest("sha256:0"), roots=roots)
    return Lock(**{**{name: getattr(lock, name) for name in lock.__struct_fields__}, **more})


def versions(found: object) -> dict[str, str | None]:
    assert isinstance(found, Selected), found
    return {name: package.version for name, package in found.packages.items()}


@pytest.mark.parametrize("is_first", [True, False])
def test_of_several_entries_that_fit_the_one_is_meant_that_is_asked_for_plainly(is_first: bool) -> None:
    plain, any_numpy = Root(Dependency("numpy", source="1.26.4")), Root(Dependency("gym"))
    roots = (plain, any_numpy) if is_first else (any_numpy, plain)
    assert versions(select(a_graph(GYM, OLD, NEW, roots=roots), MARKERS)) == {
        "gym": "0.26.2",
        "numpy": "1.26.4",
    }


def test_what_is_decided_late_is_followed_too() -> None:
    new = LockedPackage("numpy", "2.1.0", source="2.1.0", extra_dependencies={"x": (Dependency("blas"),)})
    asks = LockedPackage("gym", "0.26.2", dependencies=(Dependency("numpy", extras=("x",)),))
    blas = LockedPackage("blas", "3", dependencies=(Dependency("fortran"),))
    fortran = LockedPackage("fortran", "77")
    roots = (Root(Dependency("gym")), Root(Dependency("numpy", source="2.1.0")))
    found = versions(select(a_graph(asks, OLD, new, blas, fortran, roots=roots), MARKERS))
    assert found == {"gym": "0.26.2", "numpy": "2.1.0", "blas": "3", "fortran": "77"}


def test_where_nobody_says_which_of_several_is_meant_the_lock_is_ambiguous() -> None:
    found = select(a_graph(GYM, OLD, NEW, roots=(Root(Dependency("gym")),)), MARKERS)
    assert isinstance(found, Ambiguous)
    assert found.package == "numpy"


def test_a_specifier_chooses_among_several_entries() -> None:
    lock = a_graph(OLD, NEW, roots=(Root(Dependency("numpy", specifier="<2")),))
    assert versions(select(lock, MARKERS)) == {"numpy": "1.26.4"}


def test_what_is_virtual_is_not_installed_and_is_followed() -> None:
    me = LockedPackage("me", is_virtual=True, dependencies=(Dependency("gym"),))
    assert versions(select(a_graph(me, GYM, OLD, roots=(Root(Dependency("me")),)), MARKERS)).keys() == {
        "gym",
        "numpy",
    }


def test_extras_that_exclude_each_other_are_each_optional_by_itself() -> None:
    cpu = LockedPackage("torch", "2.4", marker="extra == 'extra-2-me-cpu'", source="a")
    gpu = LockedPackage("torch", "2.5", marker="extra == 'extra-2-me-gpu'", source="b")
    me = LockedPackage(
        "me",
        is_virtual=True,
        extra_dependencies={
            "cpu": (Dependency("torch", source="a", marker="extra != 'extra-2-me-gpu'"),),
            "gpu": (Dependency("torch", source="b", marker="extra != 'extra-2-me-cpu'"),),
        },
    )
    roots = tuple(
        Root(Dependency("me", extras=(extra,)), extra=extra, member="me") for extra in ("cpu", "gpu")
    )
    lock = a_graph(me, cpu, gpu, roots=roots, extras=("cpu", "gpu"), has_conflicts=True)
    found = select(lock, MARKERS)
    assert isinstance(found, Selected)
    assert found.packages == {}
    assert found.optional == {"torch": (cpu, gpu)}
    assert versions(select(lock, MARKERS, LockChoice(extras=("gpu",)))) == {"torch": "2.5"}


def test_groups_and_projects_are_told_in_uvs_words_too() -> None:
    numpy = LockedPackage("numpy", "2.1.0")
    roots = (
        Root(Dependency("numpy", marker="extra == 'group-2-me-dev'"), group="dev", member="me"),
        Root(Dependency("gym", marker="extra == 'project-2-me'"), member="me"),
    )
    lock = a_graph(GYM, numpy, roots=roots, groups=("dev",), has_conflicts=True)
    assert versions(select(lock, MARKERS, LockChoice(groups=("dev",)))).keys() == {"gym", "numpy"}
    alone = a_graph(numpy, roots=roots[:1], groups=("dev",), has_conflicts=True)
    assert versions(select(alone, MARKERS)) == {}
    found = select(alone, MARKERS)
    assert isinstance(found, Selected)
    assert found.optional == {"numpy": (numpy,)}


@pytest.mark.parametrize(
    ("environments", "expected"),
    [
        (("sys_platform == 'win32'", "sys_platform == 'linux'"), Selected),
        (("sys_platform == 'win32'",), WrongPython),
        (("extra == 'x'",), Ambiguous),
        (("python_version ~= 'x'",), Ambiguous),
    ],
    ids=["met", "unmet", "another word", "no version"],
)
def test_one_of_a_locks_environments_must_hold(environments: tuple[str, ...], expected: type) -> None:
    assert isinstance(select(a_graph(roots=(), environments=environments), MARKERS), expected)
