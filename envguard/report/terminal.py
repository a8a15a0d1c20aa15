"""Verdicts, scans and team reports for a terminal: reads well at 80 columns and without colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from envguard.domain.environment import Environment, Scan
from envguard.domain.verdict import JudgedFinding, Outcome, Verdict, command_for
from envguard.report.causes import causes, headline, label_of
from envguard.wire import TeamReport

if TYPE_CHECKING:
    from rich.console import Console

STYLES: dict[Outcome, str] = {
    "compliant": "green",
    "drifted": "red",
    "unknown": "yellow",
    "unmanaged": "dim",
}
"""Colour repeats what the word says; it never says it alone."""


def show_verdict(
    console: Console,
    verdict: Verdict,
    environment: Environment,
    *,
    chosen: str,
    source: str,
    is_verbose: bool,
) -> None:
    """Print one verdict: what, where, each finding, and how to mend it."""
    from rich.text import Text

    console.print(Text(verdict_line(verdict), style=STYLES[verdict.verdict]))
    interpreter = environment.snapshot.interpreter
    packages = len(environment.snapshot.packages)
    context = f"{verdict.environment}, Python {interpreter.version}, {packages} packages ({chosen}); {source}"
    console.print(Text(context, style="dim"))
    if verdict.reason is not None:
        console.print(Text(f"because {verdict.reason}"))
    shown = [finding for finding in verdict.findings if finding.kind != "unlisted" or is_verbose]
    if shown:
        console.print()
    for finding in shown:
        _show_finding(console, finding)
    if not is_verbose:
        _show_unlisted(console, [each for each in verdict.findings if each.kind == "unlisted"])
    mend = mend_command(verdict, environment)
    if mend is not None:
        console.print(Text("\nmend  ", style="bold").append(mend, style="default"), soft_wrap=True)


def verdict_line(verdict: Verdict) -> str:
    """Answer the first line of a verdict."""
    policy = verdict.policy
    if policy is None:
        return verdict.verdict
    name = f"`{policy.name}`" + (f" r{policy.revision}" if policy.revision is not None else "")
    counting = [each for each in verdict.findings if each.waived is None]
    errors = sum(each.severity == "error" for each in counting)
    warnings = sum(each.severity == "warn" for each in counting)
    counts = ", ".join(
        f"{count} {word}{'' if count == 1 else 's'}"
        for count, word in ((errors, "error"), (warnings, "warning"))
        if count
    )
    joint = {"compliant": "compliant with", "drifted": "drifted from", "unknown": "unknown by"}
    line = f"{joint.get(verdict.verdict, verdict.verdict)} {name}"
    return f"{line}: {counts}" if counts else line


def mend_command(verdict: Verdict, environment: Environment) -> str | None:
    """Answer the one shell line that mends every error of the verdict; None where none does."""
    errors = [each for each in verdict.findings if each.severity == "error" and each.waived is None]
    return command_for([each.remedy for each in errors if each.remedy is not None], environment.record)


def show_scan(console: Console, scan: Scan, *, is_verbose: bool) -> None:
    """Print what a machine has: a row for each environment."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("ENVIRONMENT", "KIND", "PYTHON", "PACKAGES", "PROBLEMS"):
        table.add_column(column, overflow="fold", justify="right" if column == "PACKAGES" else "left")
    for environment in scan.environments:
        record, snapshot = environment.record, environment.snapshot
        table.add_row(
            record.path,
            record.kind,
            snapshot.interpreter.version,
            str(len(snapshot.packages)),
            str(len(record.details)) if record.details else "",
        )
    console.print(table)
    if is_verbose:
        for environment in scan.environments:
            for detail in environment.record.details:
                console.print(f"{detail.kind}: {detail.detail}", markup=False, highlight=False)
    if scan.is_incomplete:
        console.print("incomplete: not everything could be looked at", style="yellow")


def show_verdicts(console: Console, verdicts: Sequence[Verdict]) -> None:
    """Print a row for each environment of this machine."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("VERDICT", "ENVIRONMENT", "POLICY", "FINDINGS"):
        table.add_column(column, overflow="fold")
    for verdict in verdicts:
        policy = verdict.policy.name if verdict.policy else "-"
        told = "; ".join(label_of(each) for each in verdict.findings if each.severity == "error")
        table.add_row(
            Text(verdict.verdict, style=STYLES[verdict.verdict]),
            Text(verdict.environment),
            policy,
            Text(told or verdict.reason or ""),
        )
    console.print(table)


def show_team(console: Console, report: TeamReport, policy: str | None, *, is_verbose: bool) -> None:
    """Print the team's drift report."""
    from rich.table import Table
    from rich.text import Text

    console.print(Text(headline(report, policy), style="bold"))
    rows = [row for row in causes(report) if is_verbose or row.severity == "error"]
    if rows:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in ("DRIFT, BY CAUSE", "MACHINES", "WHAT MOVED"):
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(Text(row.label), Text(", ".join(row.machines)), row.moved or "")
        console.print()
        console.print(table)
    for machine in report.machines:
        if machine.state == "stale":
            console.print(f"unknown: {machine.name}, silent since {machine.seen:%a %H:%M} UTC", markup=False)
        reasons = {each.reason for each in machine.environments if each.verdict == "unknown" and each.reason}
        for reason in sorted(reasons):
            console.print(f"unknown: {machine.name}: {reason}", markup=False)
    _show_differences(console, report)


def _show_differences(console: Console, report: TeamReport) -> None:
    from rich.table import Table
    from rich.text import Text

    if report.policies or not report.differences:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("WHERE MACHINES DIFFER", "VERSION", "MACHINES"):
        table.add_column(column, overflow="fold")
    for difference in report.differences:
        name = difference.package
        for version, machines in difference.versions.items():
            table.add_row(Text(name), Text(version), Text(", ".join(machines)))
            name = ""
    console.print()
    console.print(table)


def _show_finding(console: Console, finding: JudgedFinding) -> None:
    from rich.text import Text

    label = label_of(finding)
    word = "" if finding.severity == "error" else f"{finding.severity}  "
    line = Text(f"{word}{label}", style="" if finding.severity == "error" else "dim")
    told = [finding.reason if finding.kind != "unreadable" else None, finding.place]
    if finding.waived is not None:
        told.append(f"waived until {finding.waived.until:%Y-%m-%d} by {finding.waived.approved_by}")
    rest = "  ".join(text for text in told if text)
    console.print(line.append(f"  {rest}" if rest else "", style="dim"))


def _show_unlisted(console: Console, findings: Sequence[JudgedFinding]) -> None:
    if not findings:
        return
    names = [finding.package or "" for finding in findings]
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    plural = "package" if len(names) == 1 else "packages"
    line = f"{findings[0].severity}  {len(names)} {plural} outside the policy: {shown}  (-v lists them)"
    console.print(line, style="dim", markup=False, highlight=False)
