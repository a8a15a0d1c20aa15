"""The team's report made of saved scans."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from envguard.domain.environment import Environment, Project, Scan, Snapshot
from envguard.domain.policy import LockedPolicy, Selector
from envguard.formats.policy import parse_policy
from envguard.report.saved import SavedScan
from envguard.report.saved_team import FoundScan, saved_team
from tests.builders.documents import FACTS, a_lock, a_snapshot, an_environment
from tests.report.arranging import NOW

GOOD, BAD = a_snapshot(gym="0.26.2"), a_snapshot(gym="0.25.2")
TEXT = "envguard: 1\nname: rl-team\npackages:\n  gym: ==0.26.2\n"


def a_governing(*environments: str) -> LockedPolicy:
    policy = parse_policy(TEXT, filename="rl-team.yaml")
    selectors = (Selector(environments=environments, machines=("*",)),) if environments else ()
    return LockedPolicy(policy=msgspec.structs.replace(policy, applies_to=selectors), lock=None)


def a_scan(
    machine: str,
    *environments: Environment,
    taken_at: datetime = NOW - timedelta(hours=1),
    file: str | None = None,
    **scan: Any,  # Scan's own fields
) -> FoundScan:
    saved = SavedScan(machine, Scan(FACTS, environments, **scan), taken_at)
    return FoundScan(file=file or f"{machine}.json", saved=saved, taken_at=taken_at)


def in_project(snapshot: Snapshot, policy: str | None = None, **changes: Any) -> Environment:
    return an_environment(snapshot, project=Project("/home/ann/rl", policy=policy), **changes)


def test_machines_are_judged_by_the_policy_that_is_named() -> None:
    scans = [a_scan("ws-9", an_environment(BAD)), a_scan("ws-7", an_environment(GOOD))]
    report = saved_team(scans, a_governing(), now=NOW)
    assert [(each.name, each.verdict) for each in report.machines] == [
        ("ws-7", "compliant"),
        ("ws-9", "drifted"),
    ]
    assert (report.summary.machines, report.summary.compliant, report.summary.drifted) == (2, 1, 1)
    assert (report.policies, report.differences, report.as_of) == ({}, (), NOW)


def test_a_lock_judges_as_a_policy_does() -> None:
    governing = msgspec.structs.replace(a_governing(), lock=a_lock(gym="0.26.2", numpy="1.26.4"))
    [machine] = saved_team([a_scan("ws-7", an_environment(GOOD))], governing, now=NOW).machines
    assert [each.kind for each in machine.environments[0].findings] == ["missing"]


@pytest.mark.parametrize(
    ("governing", "environment", "verdict"),
    [
        (a_governing(), an_environment(BAD, kind="pipx"), "unmanaged"),
        (a_governing(), in_project(BAD, "rl-team"), "drifted"),
        (a_governing(), in_project(BAD, "policies/rl-team.yaml"), "drifted"),
        (a_governing(), in_project(BAD, "vision"), "unmanaged"),
        (a_governing("conda:rl"), an_environment(BAD), "unmanaged"),
        (a_governing("conda:rl"), an_environment(BAD, names=("conda:rl",)), "drifted"),
        (a_governing("~/rl/.venv"), an_environment(BAD), "drifted"),
        (a_governing("conda:rl"), in_project(BAD, "rl-team"), "drifted"),
    ],
    ids=["tool", "marker", "marker's file", "other marker", "not meant", "by name", "in home", "marker wins"],
)
def test_a_policy_judges_what_it_is_for(
    governing: LockedPolicy, environment: Environment, verdict: str
) -> None:
    [machine] = saved_team([a_scan("ws-7", environment)], governing, now=NOW).machines
    assert (machine.verdict, machine.environments[0].verdict) == (verdict, verdict)


def test_without_a_policy_it_says_where_machines_differ() -> None:
    scans = [
        a_scan("ws-7", an_environment(GOOD), an_environment(a_snapshot(rich="14"), kind="pipx")),
        a_scan("ws-8", an_environment(GOOD)),
        a_scan("ws-9", an_environment(BAD)),
    ]
    report = saved_team(scans, None, now=NOW)
    assert [(each.package, each.versions) for each in report.differences] == [
        ("gym", {"0.25.2": ("ws-9",), "0.26.2": ("ws-7", "ws-8")})
    ]
    assert report.summary.unmanaged == 3


def test_the_newest_scan_of_a_machine_counts_whatever_order_they_come_in() -> None:
    old = a_scan("ws-7", an_environment(BAD), taken_at=NOW - timedelta(days=2), file="old.json")
    new = a_scan("ws-7", an_environment(GOOD), file="new.json")
    for scans in ([old, new], [new, old]):
        report = saved_team(scans, a_governing(), now=NOW)
        assert [each.verdict for each in report.machines] == ["compliant"]
        assert [(each.file, each.reason) for each in report.left_out] == [
            ("old.json", "an older scan of ws-7 than new.json")
        ]


@pytest.mark.parametrize(
    ("taken_at", "verdict", "words"),
    [
        (NOW - timedelta(days=7), "compliant", None),
        (NOW - timedelta(days=7, seconds=1), "unknown", "its scan was taken 7 days ago"),
        (NOW + timedelta(minutes=5), "compliant", None),
        (NOW + timedelta(minutes=6), "unknown", "still to come"),
    ],
)
def test_a_scan_that_is_too_old_is_unknown(taken_at: datetime, verdict: str, words: str | None) -> None:
    scan = a_scan("ws-7", an_environment(GOOD), taken_at=taken_at)
    [machine] = saved_team([scan], a_governing(), now=NOW).machines
    assert machine.verdict == verdict
    assert (machine.reason is None) == (words is None)
    assert (words or "") in (machine.reason or "")
    assert machine.environments[0].verdict == "compliant"


@pytest.mark.parametrize(("snapshot", "verdict"), [(GOOD, "unknown"), (BAD, "drifted")])
def test_a_scan_that_was_cut_off_is_never_compliant(snapshot: Snapshot, verdict: str) -> None:
    scan = a_scan("ws-7", an_environment(snapshot), is_incomplete=True)
    [machine] = saved_team([scan], a_governing(), now=NOW).machines
    assert machine.verdict == verdict
    assert (machine.reason == "its scan was cut off before its end") == (verdict == "unknown")
