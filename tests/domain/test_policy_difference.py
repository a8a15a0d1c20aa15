"""What changes from one policy to another."""

from __future__ import annotations

import msgspec
import pytest

from envguard.domain.policy import LockedPolicy
from envguard.domain.policy_difference import PolicyChange, PolicyDifference, policy_difference
from envguard.formats import parse_lock, parse_policy

HEAD = "envguard: 1\nname: t\n"
WAIVER = "{package: torch, until: 2027-02-01, reason: old GPU, approved-by: lead, machine: lap}"


def locked(text: str, lock: str | None = None) -> LockedPolicy:
    policy = parse_policy(HEAD + text, filename="t.yaml")
    return LockedPolicy(policy=policy, lock=None if lock is None else parse_lock(lock, filename="t.txt"))


def changes(a: str, b: str) -> list[PolicyChange]:
    return list(policy_difference(locked(a), locked(b)).changes)


@pytest.mark.parametrize(
    ("a", "b", "change"),
    [
        (
            "packages: {gym: '==0.25.2'}",
            "packages: {gym: '==0.26.2'}",
            ("packages.gym", "changed", "==0.25.2", "==0.26.2"),
        ),
        ("", "packages: {gym: ''}", ("packages.gym", "added", None, "any version")),
        (
            "packages: {a: {deny: true, severity: warn, reason: r}}",
            "",
            ("packages.a", "removed", "denied, warn, because: r", None),
        ),
        (
            "packages: {a: '>=1'}",
            "packages: {a: {version: '>=1', build: cu1, optional: true}}",
            ("packages.a", "changed", ">=1", ">=1, build cu1, where installed"),
        ),
        ("", "python: '>=3.11'", ("python.version", "added", None, ">=3.11")),
        ("", "unlisted: warn", ("unlisted", "changed", "ignore", "warn")),
        ("", "origins: {vcs: error}", ("origins.vcs", "changed", "ignore", "error")),
        ("before-run: warn", "", ("before-run", "changed", "warn", "refuse")),
        ("machine: {glibc: '>=2'}", "", ("machine.glibc", "removed", ">=2", None)),
        (
            "",
            "applies-to: [{machines: [ws-*, 'a b']}]",
            ("applies-to", "added", None, '* on ws-*, "a b"'),
        ),
        (
            "",
            f"waivers: [{WAIVER}]",
            ("waivers", "added", None, "torch on lap until 2027-02-01 00:00:00 UTC, by lead: old GPU"),
        ),
        (
            "calendar: {upgrade: {every: monday 03:00, for: 4h}}",
            "calendar: {upgrade: {every: tuesday 03:00, for: 4h}}",
            ("calendar.upgrade.every", "changed", "monday 03:00", "tuesday 03:00"),
        ),
        (
            "calendar: {freezes: [{from: 2027-01-20, until: 2027-01-29 13:00 AoE, reason: ICML}]}",
            "calendar: {}",
            ("calendar.freezes", "removed", "2027-01-20 to 2027-01-29 13:00 AoE: ICML", None),
        ),
        (
            "upgrade: {requirements: [gym]}",
            "upgrade: {requirements: [gym, torch]}",
            ("upgrade.requirements", "added", None, "torch"),
        ),
        (
            "upgrade: {smoke: [a, b]}",
            "upgrade: {smoke: [b, a]}",
            ("upgrade.smoke", "changed", "a, b", "b, a"),
        ),
        (
            "upgrade: {rings: [{machines: ['*']}]}",
            "upgrade: {rings: [{machines: [c1], soak: 1d}, {machines: ['*'], at-once: 5}]}",
            ("upgrade.rings", "changed", "*", "c1, soak 1d; *, 5 at once"),
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_change_is_told_in_words(a: str, b: str, change: tuple[str, str, str | None, str | None]) -> None:
    found = [(each.key, each.kind, each.before, each.after) for each in changes(a, b)]
    assert found == [change]


def test_changes_come_in_the_order_in_which_policies_are_written() -> None:
    found = changes(
        "waivers: []".replace("[]", f"[{WAIVER}]"), "python: '>=3'\npackages: {b: '', a: ''}\nunlisted: warn"
    )
    assert [each.key for each in found] == [
        "python.version",
        "packages.a",
        "packages.b",
        "unlisted",
        "waivers",
    ]


def test_locks_are_compared_too() -> None:
    a, b = locked("lock: t.txt", "gym==0.25.2\nnumpy==1.26.4\n"), locked("lock: t.txt", "gym==0.26.2\n")
    difference = policy_difference(a, b)
    assert difference.changes == ()
    assert [package.name for package in difference.lock.packages] == ["gym", "numpy"]


def test_a_lock_that_says_the_same_in_other_words_is_another_lock() -> None:
    a, b = locked("lock: t.txt", "gym==0.26.2\n"), locked("lock: t.txt", "gym==0.26.2  # why\n")
    [change] = policy_difference(a, b).changes
    assert (change.key, change.kind) == ("lock", "changed")


def test_a_policy_does_not_differ_from_itself_wherever_it_stands() -> None:
    a = locked("lock: t.txt\npackages: {gym: ''}", "gym==0.26.2")
    elsewhere = msgspec.structs.replace(a.policy, places={}, extends=("base.yaml",))
    assert policy_difference(a, msgspec.structs.replace(a, policy=elsewhere)) == PolicyDifference(changes=())
