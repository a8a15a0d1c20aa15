"""The team's drift by cause, and what is said in a line."""

from __future__ import annotations

from typing import get_args

import pytest

from envguard.domain.verdict import JudgedFinding, Moved
from envguard.report.causes import MOVED_WORDS, causes, headline, label_of
from envguard.wire import TeamReport
from tests.report.arranging import WAIVED, a_finding, a_machine, a_report, a_verdict


@pytest.mark.parametrize(
    ("finding", "label"),
    [
        pytest.param(a_finding(), "gym 0.25.2, needs ==0.26.2", id="version-mismatch"),
        pytest.param(a_finding(kind="missing", actual=None), "gym absent, needs ==0.26.2", id="missing"),
        pytest.param(
            a_finding(kind="interpreter-mismatch", package=None, expected="==3.11.*", actual="3.12.1"),
            "python 3.12.1, needs ==3.11.*",
            id="interpreter-mismatch",
        ),
        pytest.param(
            a_finding(kind="interpreter-mismatch", package=None, expected="==3.11.*", actual=None),
            "python, needs ==3.11.*",
            id="an interpreter of which nothing is known",
        ),
        pytest.param(a_finding(kind="denied"), "gym 0.25.2, denied", id="denied"),
        pytest.param(a_finding(kind="unlisted"), "gym 0.25.2, outside the policy", id="unlisted"),
        pytest.param(a_finding(kind="unreadable"), "gym: could not be read", id="unreadable"),
        pytest.param(
            a_finding(kind="unreadable", package=None, reason="the base is gone"),
            "environment: the base is gone",
            id="unreadable as a whole",
        ),
        pytest.param(a_finding(kind="shadowed"), "gym: shadowed", id="every other kind"),
    ],
)
def test_a_finding_is_half_a_line(finding: JudgedFinding, label: str) -> None:
    assert label_of(finding) == label


def test_one_cause_on_several_machines_is_one_row() -> None:
    here, there = a_verdict(a_finding()), a_verdict(a_finding(), a_finding())
    [cause] = causes(a_report(a_machine("ws-7", here), a_machine("ws-9", there)))
    assert (cause.label, cause.machines) == ("gym 0.25.2, needs ==0.26.2", ("ws-7", "ws-9"))


def test_errors_come_first_then_what_most_machines_have() -> None:
    both, one = a_finding(package="numpy"), a_finding(package="gym")
    warned = a_finding(package="attrs", severity="warn")
    report = a_report(a_machine("ws-7", a_verdict(warned, one, both)), a_machine("ws-9", a_verdict(both)))
    assert [cause.label.split()[0] for cause in causes(report)] == ["numpy", "gym", "attrs"]


def test_what_is_waived_is_no_cause() -> None:
    assert causes(a_report(a_machine("ws-7", a_verdict(a_finding(waived=WAIVED))))) == ()


@pytest.mark.parametrize(
    ("moved", "words"),
    [
        pytest.param(["never-matched", "machine"], "the machine, never matched", id="each machine its own"),
        pytest.param(["policy", "policy"], "the policy", id="the same on all"),
        pytest.param([None, "lock"], "the lock", id="not known on one"),
        pytest.param([None], "", id="not known at all"),
        pytest.param(["envguard", "facts"], "machine facts, envguard", id="the rarer ones"),
    ],
)
def test_what_moved_speaks_for_every_machine(moved: list[Moved | None], words: str) -> None:
    machines = [
        a_machine(f"ws-{number}", a_verdict(a_finding(moved=each))) for number, each in enumerate(moved)
    ]
    assert [cause.moved for cause in causes(a_report(*machines))] == [words]


def test_everything_that_can_move_has_words() -> None:
    assert set(get_args(Moved)) <= set(MOVED_WORDS)


@pytest.mark.parametrize(
    ("report", "policy", "line"),
    [
        pytest.param(
            a_report(*map(a_machine, "abc"), compliant=1, drifted=2),
            None,
            "1 of 3 machines matches rl-team r8; 2 drift",
            id="some drift",
        ),
        pytest.param(
            a_report(*map(a_machine, "abcde"), compliant=2, drifted=1, unknown=1, unmanaged=1),
            None,
            "2 of 4 machines match rl-team r8; 1 drifts, 1 unknown, 1 without a policy",
            id="one of each",
        ),
        pytest.param(
            a_report(a_machine("a"), compliant=1),
            "rl-team",
            "1 of 1 machine matches rl-team r8",
            id="all is well",
        ),
        pytest.param(
            a_report(a_machine("a"), compliant=1, policies={"rl-team": 8, "nlp": 2}),
            None,
            "1 of 1 machine matches their policies",
            id="several policies",
        ),
        pytest.param(
            a_report(a_machine("a"), a_machine("b"), policies={}),
            None,
            "no policy yet: 2 machines reporting",
            id="no policy",
        ),
    ],
)
def test_the_headline_counts_the_machines_that_a_policy_judges(
    report: TeamReport, policy: str | None, line: str
) -> None:
    assert headline(report, policy) == line
