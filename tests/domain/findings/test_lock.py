"""A lock is judged before anybody installs it."""

from __future__ import annotations

import msgspec
import pytest

from envguard.domain.findings.lock import compare_lock
from envguard.domain.locks.lock import Lock, LockedPackage
from envguard.domain.policy import Deny, PackageRule, PythonRule, Require, Rules
from tests.builders.documents import a_lock


def told(lock: Lock, *rules: PackageRule, wanted: Lock | None = None) -> list[tuple[str, str | None]]:
    asked = Rules(packages=rules, unlisted="warn" if wanted is not None else "ignore")
    return [(each.kind, each.package) for each in compare_lock(lock, asked, wanted)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param(Require(name="gym", specifier="==0.26.2"), [], id="met"),
        pytest.param(Require(name="gym", specifier="<0.26"), [("version-mismatch", "gym")], id="version"),
        pytest.param(Require(name="torch"), [("missing", "torch")], id="missing"),
        pytest.param(Require(name="torch", optional=True), [], id="optional"),
        pytest.param(Deny(name="gym"), [("denied", "gym")], id="denied"),
        pytest.param(Deny(name="torch"), [], id="denied and absent"),
    ],
)
def test_rules_are_asked_of_the_lock_s_entries(rule: PackageRule, expected: list[tuple[str, str]]) -> None:
    assert told(a_lock(gym="0.26.2"), rule) == expected


def test_one_entry_that_breaks_a_rule_for_some_environment_breaks_it() -> None:
    lock = msgspec.structs.replace(
        a_lock(),
        packages=(
            LockedPackage("numpy", "1.26.4", "python_version < '3.12'"),
            LockedPackage("numpy", "2.1.3", "python_version >= '3.12'"),
        ),
    )
    (found,) = compare_lock(lock, Rules(packages=(Require(name="numpy", specifier="<2"),)), None)
    assert (found.kind, found.actual) == ("version-mismatch", "2.1.3")


def test_a_build_is_asked_where_the_version_tells_one() -> None:
    rule = Require(name="torch", build="cu121")
    assert told(a_lock(torch="2.4.1+cu121"), rule) == []
    assert told(a_lock(torch="2.4.1+cpu"), rule) == [("build-mismatch", "torch")]
    assert told(a_lock(torch="2.4.1"), rule) == []


@pytest.mark.parametrize(
    ("asked", "made_for", "kinds"),
    [
        pytest.param("==3.11.*", ">=3.10", [], id="they meet"),
        pytest.param("==3.11.7", "==3.11.*", [], id="a patch release"),
        pytest.param("==3.9.*", ">=3.10", ["interpreter-mismatch"], id="they do not"),
        pytest.param(None, ">=3.10", [], id="nothing is asked"),
        pytest.param("==3.9.*", None, [], id="the lock says nothing"),
    ],
)
def test_the_lock_s_python_must_meet_the_policy_s(
    asked: str | None, made_for: str | None, kinds: list[str]
) -> None:
    lock = msgspec.structs.replace(a_lock(), requires_python=made_for)
    found = compare_lock(lock, Rules(python=PythonRule(version=asked)), None)
    assert [each.kind for each in found] == kinds


def test_against_the_policy_s_own_lock_each_name_is_one_finding() -> None:
    found = told(
        a_lock(gym="0.26.2", numpy="2.1.3", rich="13", pip="24"),
        wanted=a_lock(gym="0.26.2", numpy="1.26.4", torch="2.4.1"),
    )
    assert found == [("version-mismatch", "numpy"), ("missing", "torch"), ("unlisted", "rich")]


def test_the_project_itself_is_no_entry_of_its_lock() -> None:
    lock = msgspec.structs.replace(a_lock(gym="0.26.2", rl="1"), project="rl")
    assert told(lock, wanted=a_lock(gym="0.26.2")) == []


def test_what_is_beside_the_lock_is_told_only_where_the_policy_asks() -> None:
    asked = Rules(unlisted="ignore")
    assert compare_lock(a_lock(gym="0.26.2", rich="13"), asked, a_lock(gym="0.26.2")) == ()


def test_what_a_lock_only_constrains_is_no_entry_that_anybody_would_have() -> None:
    constraint = LockedPackage("numpy", "1.26.4", only_constrains=True)
    lock = a_lock(gym="0.26.2")
    constrained = msgspec.structs.replace(lock, packages=(*lock.packages, constraint))
    assert told(constrained, Deny(name="numpy")) == []
    assert told(constrained, Require(name="numpy")) == [("missing", "numpy")]
    assert told(constrained, wanted=lock) == []
    assert told(lock, wanted=constrained) == []
