"""Verdicts and team reports with only what a test cares about, and a console that keeps what it is told."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from rich.console import Console

from envguard.domain.verdict import JudgedFinding, Outcome, PolicyRef, Verdict, Waived
from envguard.report.here import Here
from envguard.wire import Difference, TeamMachine, TeamReport, TeamSummary, team_environment

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)
HERE = Here(cwd="/home/ann/rl", home="/home/ann")
WAIVED = Waived(NOW + timedelta(days=1), "old GPU", "ann")


def a_finding(**changes: object) -> JudgedFinding:
    """Answer a version mismatch of gym's."""
    fields: dict[str, object] = {
        "kind": "version-mismatch",
        "package": "gym",
        "severity": "error",
        "expected": "==0.26.2",
        "actual": "0.25.2",
        "reason": None,
        "place": "rl-team.yaml:7",
        "fix": None,
        **changes,
    }
    return JudgedFinding(**fields)  # type: ignore[arg-type]  # the fields are the caller's words


def an_unlisted(package: str, **changes: object) -> JudgedFinding:
    """Answer a package that the policy does not name."""
    fields = {"severity": "warn", "expected": None, "actual": "1.0", "place": None, **changes}
    return a_finding(kind="unlisted", package=package, **fields)


def a_verdict(
    *findings: JudgedFinding,
    outcome: Outcome | None = None,
    environment: str = "/home/ann/rl/.venv",
    revision: int | None = None,
    reason: str | None = None,
) -> Verdict:
    """Answer rl-team's verdict: drifted where there are findings, unless the caller says otherwise."""
    verdict = outcome or ("drifted" if findings else "compliant")
    return Verdict(
        environment=environment,
        digest=None,
        verdict=verdict,
        policy=None if verdict == "unmanaged" else PolicyRef(name="rl-team", revision=revision),
        findings=findings,
        reason=reason,
    )


def a_machine(name: str, *verdicts: Verdict, reason: str | None = None, state: str = "online") -> TeamMachine:
    """Answer a machine that was last heard an hour ago."""
    return TeamMachine(
        name=name,
        state=state,  # type: ignore[arg-type]  # the caller's word
        verdict="unknown" if reason else "drifted" if verdicts else "compliant",
        seen=NOW - timedelta(hours=1),
        environments=tuple(map(team_environment, verdicts)),
        reason=reason,
    )


def a_report(
    *machines: TeamMachine, differences: tuple[Difference, ...] = (), **counts: int | dict[str, int]
) -> TeamReport:
    """Answer a report on these machines; ``counts`` are the summary's, and ``policies``."""
    policies = counts.pop("policies", {"rl-team": 8})
    summary = {"compliant": 0, "drifted": 0, "unknown": 0, "unmanaged": 0, **counts}
    return TeamReport(
        as_of=NOW,
        summary=TeamSummary(machines=len(machines), **summary),  # type: ignore[arg-type]  # ditto
        machines=machines,
        policies=policies,  # type: ignore[arg-type]  # ditto
        differences=differences,
    )


def printed(show: Callable[[Console], None], *, width: int = 80) -> str:
    """Answer what is printed where the output is no terminal."""
    file = io.StringIO()
    show(Console(file=file, width=width, highlight=False))
    return file.getvalue()


def text(snapshot: str) -> str:
    """Answer an expected text as a test writes it, indented."""
    return textwrap.dedent(snapshot).lstrip("\n")
