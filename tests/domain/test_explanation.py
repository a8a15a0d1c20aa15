"""What policy and lock say of one package in one environment, and where each waiver of it stands."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from envguard.domain.environment import Environment
from envguard.domain.explanation import LockSays, PackageExplanation, explain_package, waiver_state
from envguard.domain.findings.finding import Finding
from envguard.domain.locks.lock import Lock, LockedPackage
from envguard.domain.policy import Deny, LockedPolicy, Require, Waiver
from envguard.domain.verdict import PolicyRef, Verdict, judge
from tests.builders.documents import FACTS, a_lock, a_policy, a_snapshot, an_environment

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)
GYM = Require(name="gym", specifier="==0.26.2")


def a_waiver(package: str = "gym", until: datetime = NOW + timedelta(days=1), **changes: object) -> Waiver:
    waiver = Waiver(package=package, until=until, reason="old GPU", approved_by="lead")
    return msgspec.structs.replace(waiver, **changes)


def a_verdict(environment: Environment, *packages: str) -> Verdict:
    findings = [
        Finding(kind="version-mismatch", rule=f"packages.{name}", package=name, severity="error")
        for name in packages
    ]
    ref = PolicyRef(name="rl-team")
    return judge(findings, environment.record, (), NOW, machine="ws-7", policy=ref, places={})


def explained(
    package: str, *waivers: Waiver, lock: Lock | None = None, findings: tuple[str, ...] = ()
) -> PackageExplanation:
    environment = an_environment(a_snapshot(gym="0.25.2", numpy="1.26.4"))
    policy = msgspec.structs.replace(
        a_policy(GYM, Deny(name="pandas")),
        places={"packages.gym": "rl-team.yaml:7", "packages.numpy": "rl-team.yaml:99"},
        lock="pylock.toml",
        before_run="warn",
    )
    policy = msgspec.structs.replace(policy, waivers=waivers)
    governing = LockedPolicy(policy=policy, lock=lock)
    return explain_package(package, environment, FACTS, governing, a_verdict(environment, *findings))


def test_only_what_is_about_the_package_is_told() -> None:
    waivers = a_waiver(), a_waiver("numpy")
    found = explained("gym", *waivers, findings=("gym", "numpy"))
    assert (found.package, found.rule, found.rule_place) == ("gym", GYM, "rl-team.yaml:7")
    assert [each.version for each in found.installed] == ["0.25.2"]
    assert [each.package for each in found.findings] == ["gym"]
    assert found.waivers == waivers[:1]
    assert (found.lock_place, found.before_run) == ("pylock.toml", "warn")


def test_of_a_package_without_a_rule_there_is_no_place_either() -> None:
    found = explained("numpy")
    assert (found.rule, found.rule_place) == (None, None)
    assert [each.version for each in found.installed] == ["1.26.4"]
    assert explained("torch").installed == ()


def test_a_policy_without_a_lock_says_nothing_of_one() -> None:
    assert explained("gym").lock is None


def locked(*packages: LockedPackage, requires_python: str | None = None) -> Lock:
    return msgspec.structs.replace(a_lock(), packages=packages, requires_python=requires_python)


HERE = LockedPackage("gym", "0.26.2", "python_version >= '3'")
ELSEWHERE = LockedPackage("gym", "0.21.0", "python_version < '3'")
MAY_BE = LockedPackage("gym", "0.26.2", only_constrains=True)
OTHER = LockedPackage("numpy", "1.26.4")


@pytest.mark.parametrize(
    ("lock", "says"),
    [
        pytest.param(
            locked(HERE, ELSEWHERE, OTHER),
            LockSays(entries=(HERE,), is_required=True, elsewhere=1),
            id="it must be there, and there is another for others",
        ),
        pytest.param(locked(ELSEWHERE, OTHER), LockSays(elsewhere=1), id="for others only"),
        pytest.param(locked(MAY_BE, OTHER), LockSays(entries=(MAY_BE,)), id="it may be there"),
        pytest.param(locked(OTHER), LockSays(), id="not at all"),
        pytest.param(
            locked(HERE, OTHER, requires_python=">=3.12"),
            LockSays(unusable="it was made for >=3.12", elsewhere=1),
            id="made for another Python",
        ),
        pytest.param(
            locked(HERE, LockedPackage("gym", "0.26.1"), OTHER),
            LockSays(unusable="gym: the lock has two entries of this name that both apply here", elsewhere=2),
            id="two entries apply",
        ),
    ],
)
def test_what_the_lock_has_of_a_package_is_told(lock: Lock, says: LockSays) -> None:
    assert explained("gym", lock=lock).lock == says


@pytest.mark.parametrize(
    ("waiver", "state"),
    [
        pytest.param(a_waiver(), "in use", id="it counts"),
        pytest.param(a_waiver("numpy"), "not needed", id="nothing of it is found"),
        pytest.param(a_waiver(kind="missing"), "not needed", id="another kind is found"),
        pytest.param(a_waiver(until=NOW), "expired", id="its end"),
        pytest.param(a_waiver(until=NOW, machine="ws-8"), "expired", id="its end goes before its machine"),
        pytest.param(a_waiver(machine="ws-7"), "in use", id="this machine"),
        pytest.param(a_waiver(machine="ws-8"), "only on ws-8", id="another machine"),
        pytest.param(a_waiver(environment="/srv/**"), "only in /srv/**", id="another environment"),
        pytest.param(a_waiver(environment="/home/ann/**"), "in use", id="this environment"),
    ],
)
def test_where_a_waiver_stands_is_told(waiver: Waiver, state: str) -> None:
    environment = an_environment(a_snapshot(gym="0.25.2"))
    findings = a_verdict(environment, "gym").findings
    assert waiver_state(waiver, environment.record, machine="ws-7", now=NOW, findings=findings) == state
