from __future__ import annotations

import pytest
from msgspec.structs import replace

from envguard.domain.difference import (
    ContentDifference,
    FieldDifference,
    Held,
    PackageDifference,
    ProblemsApart,
    RequirementsApart,
    differences,
    differences_from_lock,
    fact_differences,
    lock_differences,
)
from envguard.domain.environment import BrokenRequirement, Origin, Package, Problem, snapshot_of
from envguard.domain.facts import Gpu
from envguard.domain.locks.lock import LockedPackage
from tests.builders.documents import FACTS, a_lock, a_snapshot, an_interpreter

CONDA = Origin("conda")
VCS = Origin("vcs", "https://example.org/rl", "a" * 40)
H100 = Gpu(model="NVIDIA H100", vendor="nvidia")


def between(a: Package, b: Package) -> tuple[PackageDifference, ...]:
    return differences(snapshot_of(an_interpreter(), [a]), snapshot_of(an_interpreter(), [b])).packages


def test_a_package_of_another_version_is_told_with_both() -> None:
    expected = PackageDifference("gym", ("version",), (Held("0.25.2"),), (Held("0.26.2"),))
    assert differences(a_snapshot(gym="0.25.2"), a_snapshot(gym="0.26.2")).packages == (expected,)


def test_a_package_of_one_side_is_absent_on_the_other() -> None:
    expected = PackageDifference("gym", ("presence",), (), (Held("0.26.2"),))
    assert differences(a_snapshot(), a_snapshot(gym="0.26.2")).packages == (expected,)


@pytest.mark.parametrize(
    ("a", "b", "aspects"),
    [
        (Package("torch", "2", build="cp311-a"), Package("torch", "2", build="cp311-b"), ("build",)),
        (Package("rl", "1"), Package("rl", "1", VCS), ("origin",)),
        (Package("rl", "1", VCS), Package("rl", "1", replace(VCS, commit="b" * 40)), ("origin",)),
        (Package("rl", "1", build="x"), Package("rl", "2", VCS, "y"), ("version", "build", "origin")),
    ],
)
def test_all_that_differs_about_a_package_is_named(a: Package, b: Package, aspects: tuple[str, ...]) -> None:
    assert [each.differs for each in between(a, b)] == [aspects]


def test_two_versions_on_one_side_are_both_told() -> None:
    duplicate = snapshot_of(an_interpreter(), [Package("gym", "0.25"), Package("gym", "0.26")])
    [difference] = differences(duplicate, a_snapshot(gym="0.26")).packages
    assert difference.a == (Held("0.25"), Held("0.26"))
    assert difference.differs == ("version",)


def test_an_interpreter_differs_by_field_and_by_marker() -> None:
    fields = differences(a_snapshot("3.11.7"), a_snapshot("3.12.1")).interpreter
    assert FieldDifference("version", "3.11.7", "3.12.1") in fields
    assert FieldDifference("abi", "cp311", "cp312") in fields
    assert FieldDifference("markers.python_version", "3.11", "3.12") in fields
    assert "platform" not in {field.field for field in fields}


def test_a_marker_that_one_side_lacks_is_none_there() -> None:
    bare = replace(an_interpreter(), markers={})
    fields = differences(snapshot_of(bare, []), a_snapshot()).interpreter
    assert fields[0] == FieldDifference("markers.implementation_name", None, "cpython")


def test_problems_and_broken_requirements_of_one_side_are_told() -> None:
    broken, problem = BrokenRequirement("gym", "numpy<2", "2.1"), Problem("duplicate", "numpy")
    sick = snapshot_of(an_interpreter(), [], [problem], broken_requirements=[broken])
    assert differences(a_snapshot(), sick) == ContentDifference(
        problems=ProblemsApart((), (problem,)), broken_requirements=RequirementsApart((), (broken,))
    )


def test_system_packages_are_apart_from_packages() -> None:
    a = snapshot_of(an_interpreter(), [], system_packages=[Package("openssl", "3.1", build="h_0")])
    b = snapshot_of(an_interpreter(), [], system_packages=[Package("openssl", "3.1", build="h_1")])
    found = differences(a, b)
    assert (found.packages, [each.differs for each in found.system_packages]) == ((), [("build",)])


@pytest.mark.parametrize(
    ("pinned", "installed", "is_equal"),
    [
        ("1.0", "1.0", True),
        ("1.0", "1.0.0", True),
        ("2.4.0", "2.4.0+cu121", True),
        ("2.4.0+cpu", "2.4.0+cu121", False),
        ("1.0", "1.1", False),
        ("1.0rc1", "1.0rc1", True),
        (None, "whatever", True),
    ],
)
def test_a_version_that_meets_the_pin_is_equal_to_it(
    pinned: str | None, installed: str, is_equal: bool
) -> None:
    found = differences_from_lock({"torch": LockedPackage("torch", pinned)}, a_snapshot(torch=installed))
    assert found.is_empty is is_equal


def test_the_tools_of_every_environment_do_not_count_unless_the_lock_names_them() -> None:
    assert differences_from_lock({}, a_snapshot(pip="26.0", setuptools="84")).is_empty
    pinned = {"pip": LockedPackage("pip", "25.0")}
    assert [each.name for each in differences_from_lock(pinned, a_snapshot(pip="26.0")).packages] == ["pip"]
    assert [each.name for each in differences_from_lock(pinned, a_snapshot()).packages] == ["pip"]


def test_a_lock_says_nothing_of_builds_and_origins() -> None:
    snapshot = snapshot_of(an_interpreter(), [Package("rl", "1", VCS, "cp311")])
    assert differences_from_lock({"rl": LockedPackage("rl", "1")}, snapshot).is_empty


def test_what_a_lock_leaves_open_must_be_in_its_range() -> None:
    ranged = {"numpy": LockedPackage("numpy", specifier=">=1.26,<2")}
    assert differences_from_lock(ranged, a_snapshot(numpy="1.26.4")).is_empty
    found = differences_from_lock(ranged, a_snapshot(numpy="2.1")).packages
    assert found == (PackageDifference("numpy", ("version",), (Held(">=1.26,<2"),), (Held("2.1"),)),)


def test_an_environment_of_conda_s_is_compared_by_conda_s_names_and_versions() -> None:
    torch = Package("torch", "2.4.0.post101", CONDA, conda_name="pytorch", conda_version="2.4.0")
    snapshot = snapshot_of(
        an_interpreter(), [torch, Package("pip", "26.0", CONDA)], system_packages=[Package("openssl", "3.0")]
    )
    pytorch = LockedPackage("pytorch", "2.4.0", ecosystem="conda")
    openssl = LockedPackage("openssl", "3.0", ecosystem="conda")
    assert differences_from_lock({"pytorch": pytorch, "openssl": openssl}, snapshot).is_empty
    found = differences_from_lock({"pytorch": replace(pytorch, version="2.5.0")}, snapshot).packages
    assert [(each.name, each.differs) for each in found] == [
        ("openssl", ("presence",)),
        ("pytorch", ("version",)),
    ]


def test_locks_differ_in_what_they_leave_open() -> None:
    a, b = (replace(a_lock(), packages=(LockedPackage("gym", specifier=each),)) for each in ("<1", "<2"))
    assert [each.name for each in lock_differences(a, b).packages] == ["gym"]


def test_two_versions_of_which_one_misses_the_pin_differ() -> None:
    duplicate = snapshot_of(an_interpreter(), [Package("gym", "0.25"), Package("gym", "0.26")])
    found = differences_from_lock({"gym": LockedPackage("gym", "0.26")}, duplicate)
    assert [(each.name, len(each.b)) for each in found.packages] == [("gym", 2)]


def test_locks_differ_by_entry_marker_and_python() -> None:
    a = replace(a_lock(gym="0.26.2", numpy="1.26"), requires_python=">=3.10")
    b = replace(
        a_lock({"numpy": "python_version < '3.12'"}, gym="0.26.2", numpy="1.26"), requires_python=">=3.11"
    )
    found = lock_differences(a, b)
    assert [(each.name, each.differs) for each in found.packages] == [("numpy", ("marker",))]
    assert found.interpreter == (FieldDifference("requires-python", ">=3.10", ">=3.11"),)


def test_entries_of_a_lock_are_compared_whatever_their_order() -> None:
    entries = (LockedPackage("numpy", "1", "a"), LockedPackage("numpy", "2", requires_python=">=3.12"))
    a = replace(a_lock(), packages=entries)
    b = replace(a_lock(), packages=entries[::-1])
    assert lock_differences(a, b).is_empty


def test_facts_differ_in_their_own_order_and_several_of_a_kind_are_one_text() -> None:
    a = replace(FACTS, cpu_count=8, gpus=(H100, H100, Gpu(model="A40")), cuda=("12.4", "11.8"))
    b = replace(FACTS, kernel="6.6")
    assert fact_differences(a, b) == (
        FieldDifference("kernel", "6.1.0", "6.6"),
        FieldDifference("cpu_count", 8, None),
        FieldDifference("gpus", "2 x NVIDIA H100, A40", None),
        FieldDifference("cuda", "12.4, 11.8", None),
    )
