"""All findings of one environment together: their order, and one for each cause."""

from __future__ import annotations

import pytest

from envguard.domain.drift import compare
from envguard.domain.environment import BrokenRequirement, Digest, Origin, Package, snapshot_of
from envguard.domain.locks.lock import Lock, LockedPackage
from envguard.domain.policy import Level, MachineRule, OriginRules, Require, Rules
from tests.builders.documents import FACTS, an_interpreter

EDITABLE = Origin(kind="editable")
DIGEST = Digest("sha256:" + "1" * 64)


def test_findings_come_in_the_order_in_which_they_change_results() -> None:
    broken = BrokenRequirement("z", "numpy<2", None)
    there = snapshot_of(
        an_interpreter(), [Package("b", "1"), Package("a", "2", EDITABLE)], broken_requirements=[broken]
    )
    rules = Rules(
        packages=(Require(name="b", specifier="==2"),),
        origins=OriginRules(editable="error"),
        broken_requirements="error",
        machine=(MachineRule("glibc", ">=9"),),
    )
    lock = Lock(packages=(LockedPackage("c", "1"),), digest=DIGEST)
    assert [(each.kind, each.package) for each in compare(there, FACTS, rules, lock)] == [
        ("version-mismatch", "b"),
        ("missing", "c"),
        ("machine-mismatch", None),
        ("origin-mismatch", "a"),
        ("broken-requirement", "z"),
    ]


@pytest.mark.parametrize(
    ("origins", "unlisted", "told"),
    [
        pytest.param("warn", "error", ("unlisted", "error"), id="unlisted is worse"),
        pytest.param("error", "warn", ("origin-mismatch", "error"), id="the origin is worse"),
        pytest.param("warn", "warn", ("unlisted", "warn"), id="both alike: to remove it mends both"),
        pytest.param("warn", "ignore", ("origin-mismatch", "warn"), id="unlisted is ignored"),
    ],
)
def test_what_is_outside_the_lock_and_from_elsewhere_is_told_once(
    origins: Level, unlisted: Level, told: tuple[str, str]
) -> None:
    there = snapshot_of(an_interpreter(), [Package("gym", "0.26.2", EDITABLE), Package("numpy", "1.26.4")])
    lock = Lock(packages=(LockedPackage("numpy", "1.26.4"),), digest=DIGEST)
    rules = Rules(origins=OriginRules(editable=origins), unlisted=unlisted)
    [found] = compare(there, FACTS, rules, lock)
    assert (found.kind, found.severity) == told
    assert found.package == "gym"
