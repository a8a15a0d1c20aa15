"""Errors are told one by one, warnings by their kind."""

from __future__ import annotations

import io
from datetime import datetime, timezone

import pytest
from rich.console import Console

from envguard.domain.findings.finding import FindingKind
from envguard.domain.policy import Severity
from envguard.domain.verdict import JudgedFinding, Waived
from envguard.report.findings import show_finding, show_findings


def a_finding(
    kind: FindingKind, package: str | None, severity: Severity = "warn", **more: str
) -> JudgedFinding:
    fields: dict[str, str | None] = {"expected": None, "actual": None, "reason": None, "place": None, **more}
    return JudgedFinding(kind=kind, package=package, severity=severity, fix=None, **fields)  # type: ignore[arg-type]  # the fields are the caller's words


def shown(*findings: JudgedFinding) -> list[str]:
    console = Console(file=io.StringIO(), width=100)
    show_findings(console, findings)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_warnings_of_a_kind_take_one_line() -> None:
    modified = [a_finding("modified-files", name) for name in ("gym", "numpy", "torch", "rich")]
    broken = [a_finding("broken-requirement", name, "info", expected="x") for name in ("gym", "jax")]
    assert shown(*modified, *broken) == [
        "warn  4 packages with changed files: gym, numpy, torch, ...  (-v lists them)",
        "info  2 packages require what does not hold: gym, jax  (-v lists them)",
    ]


def test_one_warning_of_its_kind_is_told_whole() -> None:
    assert shown(a_finding("modified-files", "gym", actual="a.py", place="p.yaml:3")) == [
        "warn  gym: files changed since their installation: a.py  p.yaml:3"
    ]


def test_errors_and_waived_findings_are_told_one_by_one() -> None:
    waived = Waived(datetime(2027, 2, 1, tzinfo=timezone.utc), "old GPU", "lead")
    acquitted = JudgedFinding(
        kind="denied",
        package="pandas",
        severity="warn",
        expected="absent",
        actual="2.0",
        reason=None,
        place=None,
        fix=None,
        waived=waived,
    )
    assert shown(
        a_finding("missing", "gym", "error", expected="==1"),
        a_finding("missing", "numpy", "error", expected="==2"),
        acquitted,
    ) == [
        "gym absent, needs ==1",
        "numpy absent, needs ==2",
        "warn  pandas 2.0, denied  waived until 2027-02-01 by lead",
    ]


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (
            a_finding("build-mismatch", "torch", "error", actual="2+cpu", expected="cu121"),
            "torch 2+cpu, needs cu121",
        ),
        (
            a_finding("origin-mismatch", "gym", "error", actual="an index", expected="a repository"),
            "gym from an index, needs a repository",
        ),
        (
            a_finding("hash-mismatch", "gym", "error", actual="sha256:aa"),
            "gym sha256:aa is none of the lock's files",
        ),
        (
            a_finding("broken-requirement", "gym", "error", expected="numpy<2", actual="2.1"),
            "gym requires numpy<2, found 2.1",
        ),
        (
            a_finding("machine-mismatch", None, "error", expected="glibc >=2.31", actual="2.28"),
            "machine: needs glibc >=2.31, has 2.28",
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, JudgedFinding) else "",
)
def test_each_kind_says_what_is_there_and_what_is_needed(finding: JudgedFinding, line: str) -> None:
    console = Console(file=io.StringIO(), width=100)
    show_finding(console, finding)
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().splitlines() == [line]
