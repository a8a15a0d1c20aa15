"""What differs is found, once, in the order in which it matters."""

from __future__ import annotations

import msgspec
import pytest

from envguard.domain.drift import compare, reads_facts
from envguard.domain.environment import Package, Problem, snapshot_of
from envguard.domain.locks.lock import Lock
from envguard.domain.policy import Deny, MachineRule, PythonRule, Require, Rules
from envguard.domain.remedy import Install, Remove
from tests.builders.documents import FACTS, a_lock, a_policy, a_snapshot, an_interpreter


def kinds(*rules: Require | Deny, lock: Lock | None = None, **versions: str) -> list[tuple[str, str | None]]:
    packages = [Package(name, version) for name, version in versions.items()]
    found = compare(snapshot_of(an_interpreter(), packages), FACTS, a_policy(*rules).rules, lock)
    return [(finding.kind, finding.package) for finding in found]


@pytest.mark.parametrize(
    ("specifier", "version", "is_met"),
    [
        pytest.param("==1.0", "1.0", True, id="same"),
        pytest.param("==1.0", "1.0.0", True, id="trailing zeros are equal"),
        pytest.param("==1.0", "1.0+cu121", True, id="a local version meets a pin without one"),
        pytest.param("==1.0+cu121", "1.0", False, id="a pin of a local version wants it"),
        pytest.param(">=1.0", "2.0rc1", True, id="an installed pre-release is a fact"),
        pytest.param("==2.0rc1", "2.0rc1", True, id="a pre-release pin meets itself"),
        pytest.param("<2.0", "2.0rc1", False, id="a pre-release of the excluded version is excluded"),
        pytest.param(">=1.0", "1!0.5", True, id="an epoch is above all versions without one"),
        pytest.param("==0.5", "1!0.5", False, id="an epoch tells versions apart"),
        pytest.param("===1.0", "1.0.0", False, id="arbitrary equality compares text"),
        pytest.param("===banana", "banana", True, id="arbitrary equality takes any word"),
        pytest.param(">=0", "banana", False, id="no range is met by what is no version"),
        pytest.param("~=1.4.2", "1.4.9", True, id="compatible release"),
        pytest.param("==1.4.*", "1.5", False, id="prefix"),
    ],
)
def test_versions_are_judged_as_pep_440_says(specifier: str, version: str, is_met: bool) -> None:
    expected = [] if is_met else [("version-mismatch", "gym")]
    assert kinds(Require(name="gym", specifier=specifier), gym=version) == expected


def test_a_required_package_that_is_absent_is_missing() -> None:
    assert kinds(Require(name="gym", specifier="==0.26.2")) == [("missing", "gym")]


def test_an_optional_package_may_be_absent_but_not_wrong() -> None:
    rule = Require(name="torch", specifier="==2.4.*", optional=True)
    assert kinds(rule) == []
    assert kinds(rule, torch="2.5.0") == [("version-mismatch", "torch")]


def test_a_denied_package_is_removed_by_its_remedy() -> None:
    (finding,) = compare(
        a_snapshot(pandas="2.0"), FACTS, a_policy(Deny(name="pandas", reason="one use only")).rules, None
    )
    assert (finding.kind, finding.reason, finding.remedy) == ("denied", "one use only", Remove("pandas"))


def test_a_denied_package_that_is_absent_is_no_finding() -> None:
    assert kinds(Deny(name="pandas"), gym="0.26.2") == []
    assert kinds(Deny(name="pandas"), lock=a_lock(gym="0.26.2"), gym="0.26.2") == []


def test_a_rule_and_the_lock_make_one_finding_and_the_remedy_is_the_lock_s() -> None:
    rules = a_policy(Require(name="numpy", specifier=">=1.26,<2", reason="np.bool8")).rules
    (finding,) = compare(a_snapshot(numpy="2.1.3"), FACTS, rules, a_lock(numpy="1.26.4"))
    assert finding.rule == "packages.numpy"
    assert finding.expected == ">=1.26,<2"
    assert finding.remedy == Install("numpy==1.26.4")


def test_a_version_that_meets_the_rule_but_not_the_lock_is_the_lock_s_finding() -> None:
    rules = a_policy(Require(name="numpy", specifier=">=1.26,<2")).rules
    (finding,) = compare(a_snapshot(numpy="1.26.0"), FACTS, rules, a_lock(numpy="1.26.4"))
    assert (finding.rule, finding.expected) == ("lock", "==1.26.4")


def test_the_lock_s_markers_are_asked_of_the_scanned_environment() -> None:
    lock = a_lock({"tomli": "python_version < '3.11'"}, tomli="2.0.1")
    old, new = a_snapshot("3.9.18"), a_snapshot("3.13.0")
    rules = a_policy().rules
    assert [each.kind for each in compare(old, FACTS, rules, lock)] == ["missing"]
    assert compare(new, FACTS, rules, lock) == ()


def test_a_marker_about_the_kernel_is_asked_of_the_machine_s_facts() -> None:
    lock = a_lock({"old": "platform_release < '5'"}, old="1")
    assert compare(a_snapshot(), FACTS, a_policy().rules, lock) == ()


def test_two_entries_that_both_apply_are_not_decided() -> None:
    one = a_lock(gym="1.0")
    lock = msgspec.structs.replace(one, packages=(*one.packages, *a_lock(gym="2.0").packages))
    assert kinds(lock=lock, gym="1.0") == [("unreadable", "gym")]


def test_a_lock_for_another_python_is_an_interpreter_mismatch() -> None:
    lock = msgspec.structs.replace(a_lock(gym="1.0"), requires_python=">=3.12")
    (finding,) = compare(a_snapshot(), FACTS, a_policy(unlisted="error").rules, lock)
    assert (finding.kind, finding.rule, finding.expected) == ("interpreter-mismatch", "lock", ">=3.12")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param(PythonRule(version="==3.11.*"), None, id="version met"),
        pytest.param(PythonRule(version="==3.12.*"), "==3.12.*", id="version not met"),
        pytest.param(PythonRule(implementation="cpython"), None, id="implementation without case"),
        pytest.param(PythonRule(implementation="PyPy"), "PyPy", id="other implementation"),
        pytest.param(PythonRule(free_threaded=True), "free-threaded", id="the other build"),
    ],
)
def test_the_interpreter_is_judged(rule: PythonRule, expected: str | None) -> None:
    found = compare(a_snapshot(), FACTS, Rules(python=rule), None)
    assert [each.expected for each in found] == ([] if expected is None else [expected])


def test_installers_are_never_unlisted() -> None:
    policy = a_policy(Require(name="gym"), unlisted="error")
    snapshot = a_snapshot(gym="1", pip="23", setuptools="65", wheel="0.4", uv="0.5", ruff="0.1")
    (finding,) = compare(snapshot, FACTS, policy.rules, None)
    assert (finding.kind, finding.package) == ("unlisted", "ruff")


def test_unlisted_packages_are_ignored_where_the_policy_does_not_ask() -> None:
    assert compare(a_snapshot(ruff="1"), FACTS, a_policy().rules, None) == ()


def test_what_could_not_be_read_is_a_finding() -> None:
    snapshot = a_snapshot(problems=[Problem("unreadable", "numpy")], numpy="1.26.4")
    (finding,) = compare(snapshot, FACTS, a_policy(Require(name="numpy")).rules, None)
    assert (finding.kind, finding.package) == ("unreadable", "numpy")


def test_two_versions_of_one_package_must_both_be_right() -> None:
    both = snapshot_of(
        an_interpreter(), [Package("gym", "1.0"), Package("gym", "2.0")], [Problem("duplicate", "gym")]
    )
    found = compare(both, FACTS, a_policy(Require(name="gym", specifier="==1.0")).rules, None)
    assert [(each.kind, each.actual) for each in found] == [
        ("version-mismatch", "1.0, 2.0"),
        ("duplicate", None),
    ]


def test_findings_come_most_severe_first_then_interpreter_rules_lock() -> None:
    policy = a_policy(
        Require(name="a-warn", severity="warn"), Require(name="gym"), python=">=3.12", unlisted="error"
    )
    found = compare(a_snapshot(zzz="1"), FACTS, policy.rules, a_lock(cloudpickle="3"))
    assert [each.package for each in found] == [None, "gym", "cloudpickle", "zzz", "a-warn"]


@pytest.mark.parametrize(
    ("rules", "lock", "is_read"),
    [
        pytest.param(Rules(), None, False, id="no lock"),
        pytest.param(Rules(), a_lock(gym="1.0"), False, id="no markers"),
        pytest.param(
            Rules(), a_lock({"gym": 'python_version >= "3"'}, gym="1.0"), False, id="the interpreter's"
        ),
        pytest.param(Rules(), a_lock({"gym": 'platform_release >= "6"'}, gym="1.0"), True, id="the kernel's"),
        pytest.param(Rules(machine=(MachineRule("kernel", ">=6.5"),)), None, True, id="a rule"),
    ],
)
def test_facts_that_are_not_read_change_nothing(rules: Rules, lock: Lock | None, is_read: bool) -> None:
    assert reads_facts(rules, lock) is is_read
    older = msgspec.structs.replace(FACTS, os="Debian 11", kernel="5.10", kernel_version="#1")
    newer = msgspec.structs.replace(FACTS, kernel="6.12", kernel_version="#2")
    snapshot = snapshot_of(an_interpreter(), [])
    found = [compare(snapshot, facts, rules, lock) for facts in (older, newer)]
    assert (found[0] != found[1]) is is_read
