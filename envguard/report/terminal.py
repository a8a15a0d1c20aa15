"""Verdicts, scans and team reports for a terminal: reads well at 80 columns and without colour."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from envguard.domain.environment import Environment, Scan
from envguard.domain.findings.builds import Hashes
from envguard.domain.remedy import Remake, command_for
from envguard.domain.verdict import JudgedFinding, Outcome, Verdict, worst
from envguard.formats.language import is_package_name
from envguard.report.brief import context_line, verdict_line
from envguard.report.causes import (
    MOVED_WORDS,
    causes,
    headline,
    headline_of_scans,
    label_of,
    pending_lines,
    waived,
)
from envguard.report.findings import show_finding, show_findings
from envguard.report.here import Here
from envguard.report.printable import one_line, printable
from envguard.report.printing import pack, print_lines, print_table, print_text, words

if TYPE_CHECKING:
    from rich.console import Console

    from envguard.wire import TeamMachine, TeamReport

STYLES: dict[Outcome, str] = {
    "compliant": "green",
    "drifted": "red",
    "unknown": "yellow",
    "unmanaged": "dim",
}
"""Colour repeats what the word says; it never says it alone."""

_UNREAD_AT_MOST = 10
"""Places that are named before `-v`."""

_AFTER_REMAKE = "then  envguard check: it names what to install; the old environment is kept as *.before"
_THEN: dict[Outcome, str] = {"compliant": ", matched then", "drifted": ", drifted then"}


def show_verdict(
    console: Console,
    verdict: Verdict,
    environment: Environment,
    *,
    chosen: str,
    source: str,
    here: Here,
    is_verbose: bool,
    is_own_lock: bool = False,
    ask: str | None = None,
    start: str | None = None,
) -> None:
    """Print one verdict: what, where, each finding, and how to mend it, or whom to ask (``ask``).

    ``start`` is the command that runs something all the same.
    """
    from rich.text import Text

    print_text(console, verdict_line(verdict, is_own_lock=is_own_lock), STYLES[verdict.verdict])
    context = context_line(verdict, environment, chosen, here)
    parts = [printable(context), printable(source)]
    print_lines(console, Text(pack(parts, "; ", console.width), style="dim"))
    if verdict.reason is not None:
        print_text(console, f"because {verdict.reason}")
    if verdict.findings:
        console.print()
    if is_verbose:
        for finding in verdict.findings:
            show_finding(console, finding)
    else:
        show_findings(console, verdict.findings)
    if is_verbose and verdict.hashes is not None:
        print_text(console, hashes_line(verdict.hashes), "dim")
    if moved := _moved(verdict):
        print_text(console, moved, "dim")
    if (pending := verdict.pending) is not None:
        until = f"{pending.until:%a %d %b, %H:%M} UTC"
        print_text(console, f"pending: lock {pending.lock} waits; this one judges until {until}")
    mend = mend_command(verdict, environment)
    if mend is not None or ask is not None or start is not None:
        console.print()
    width = len("start" if start is not None else "mend")
    if mend is not None:
        _print_command(console, "mend", mend, width)
        if any(isinstance(each.remedy, Remake) for each in _errors(verdict)):
            print_text(console, _AFTER_REMAKE, "dim")
    if ask is not None:
        _print_command(console, "ask", ask, width)
    if start is not None:
        _print_command(console, "start", start, width)


def show_lock_verdict(console: Console, verdict: Verdict, *, source: str) -> None:
    """Print the verdict on a lock: nothing is installed, and there is nothing to mend but the lock."""
    print_text(console, verdict_line(verdict), STYLES[verdict.verdict])
    print_text(console, f"{verdict.environment}, a lock: nothing was installed; {source}", "dim")
    if verdict.findings:
        console.print()
    for finding in verdict.findings:
        show_finding(console, finding)


def hashes_line(hashes: Hashes) -> str:
    """Answer of how many packages it is known whether they are the lock's files, in words."""
    counts = (
        (hashes.same, "is the lock's", "are the lock's"),
        (hashes.other, "is another file", "are other files"),
        (hashes.not_known, *(f"{verb} not known: installers keep none" for verb in ("is", "are"))),
    )
    told = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    return f"hashes: {', '.join(told) or 'the lock has none'}"


def mend_command(verdict: Verdict, environment: Environment) -> str | None:
    """Answer the one shell line that mends every error of the verdict; None where none does."""
    remedies = [each.remedy for each in _errors(verdict) if each.remedy is not None]
    return command_for(remedies, environment.record)


def ask_command(verdict: Verdict, *, env: str | None = None, policy: str | None = None) -> str | None:
    """Answer the line that asks for a permission to differ; None where no server's policy found drift.

    ``env`` and ``policy`` are those that the command line named.
    """
    if verdict.verdict != "drifted" or verdict.policy is None or verdict.policy.revision is None:
        return None
    package = next((each.package for each in _errors(verdict) if is_package_name(each.package or "")), None)
    if package is None:
        return None
    named = [*(("--env", env) if env is not None else ()), *(("--policy", policy) if policy else ())]
    return shlex.join(["envguard", "waive", package, *named, "--until", "fri", "--reason", "TEXT"])


def show_scan(console: Console, scan: Scan, *, here: Here, is_verbose: bool) -> None:
    """Print what a machine has: a row for each environment."""
    rows = [
        (
            here.shown(each.record.path),
            each.record.kind,
            each.snapshot.interpreter.version,
            str(len(each.snapshot.packages)),
            str(len(list(_troubles(each))) or ""),
        )
        for each in scan.environments
    ]
    print_table(console, ("ENVIRONMENT", "KIND", "PYTHON", "PACKAGES#", "PROBLEMS#"), rows)
    if is_verbose:
        for environment in scan.environments:
            place = here.shown(environment.record.path)
            for trouble in _troubles(environment):
                print_text(console, f"{place}: {trouble}")
        for left_out in scan.passed_over:
            print_text(console, f"passed over: {here.shown(left_out.path)}: {left_out.reason}")
    shown = scan.unread if is_verbose else scan.unread[:_UNREAD_AT_MOST]
    for unread in shown:
        print_text(console, f"unread: {here.shown(unread.path)}: {unread.reason}")
    if len(shown) < len(scan.unread):
        print_text(console, f"unread: {len(scan.unread) - len(shown)} more; -v lists them")
    if scan.is_incomplete:
        print_text(console, "incomplete: not everything could be looked at", "yellow")


def _troubles(environment: Environment) -> Iterator[str]:
    """Yield what is not as it should be, in words."""
    yield from (f"{detail.kind}: {detail.detail}" for detail in environment.record.details)
    for broken in environment.snapshot.broken_requirements:
        found = broken.found or "nothing"
        yield f"broken-requirement: {broken.package} requires {broken.requirement}, found {found}"


def show_verdicts(console: Console, verdicts: Sequence[Verdict], *, here: Here) -> None:
    """Print a row for each environment of this machine."""
    rows = [
        (
            words(verdict.verdict, STYLES[verdict.verdict]),
            here.shown(verdict.environment),
            verdict.policy.name if verdict.policy else "-",
            "; ".join(map(label_of, _errors(verdict))) or verdict.reason or "",
        )
        for verdict in verdicts
    ]
    print_table(console, ("VERDICT", "ENVIRONMENT", "POLICY", "FINDINGS"), rows)
    count = sum(verdict.verdict == "unmanaged" for verdict in verdicts)
    if count:
        way = "`envguard check ENV` takes the project's lock"
        console.print()
        print_text(console, f"unmanaged: {count} of {len(verdicts)}, no policy binds them; {way}")


def show_team(console: Console, report: TeamReport, policy: str | None, *, is_verbose: bool) -> None:
    """Print the team's drift report."""
    print_text(console, headline(report, policy), "bold")
    for line in pending_lines(report):
        print_text(console, line)
    _show_team(console, report, is_verbose=is_verbose)


def show_saved_team(console: Console, report: TeamReport, policy: str | None, *, is_verbose: bool) -> None:
    """Print the report that was made of saved scans, and which of them do not count."""
    print_text(console, headline_of_scans(report, policy), "bold")
    _show_team(console, report, is_verbose=is_verbose)
    for scan in report.left_out:
        print_text(console, f"left out: {scan.file}: {scan.reason}", "yellow")


def _show_team(console: Console, report: TeamReport, *, is_verbose: bool) -> None:
    rows = [
        (row.label, ", ".join(row.machines), row.moved)
        for row in causes(report)
        if is_verbose or row.severity == "error"
    ]
    if rows:
        console.print()
        print_table(console, ("DRIFT, BY CAUSE", "MACHINES", "WHAT MOVED"), rows)
    _show_waived(console, report)
    for machine in report.machines:
        if machine.state == "away":
            print_text(console, f"away: {_away(machine)}")
            continue
        for line in _unknowns(machine):
            print_text(console, f"unknown: {line}")
    if report.differences and not report.policies:
        _show_differences(console, report)
    if report.today is not None and (report.today.refused or report.today.anyway):
        from envguard.report.runs import today_line  # of runs only this line is told here

        print_text(console, f"today: {today_line(report.today)}")
    if report.is_summary:
        print_text(console, "of other machines only how many: envguard login shows which", "dim")
    if report.asked:
        waiting = [f"envguard waivers approve {each.id} ({one_line(each.by)})" for each in report.asked]
        console.print()
        print_text(console, f"yours: {' | '.join(waiting)}")


def _show_waived(console: Console, report: TeamReport) -> None:
    rows = [
        (
            row.label,
            ", ".join(row.machines),
            f"until {row.by.until:%Y-%m-%d} by {one_line(row.by.approved_by)}",
        )
        for row in waived(report)
    ]
    if rows:
        console.print()
        print_table(console, ("WAIVED: DOES NOT COUNT", "MACHINES", "PERMITTED"), rows)


def _unknowns(machine: TeamMachine) -> Iterator[str]:
    """Yield why not all is known of a machine, and how it was when it was."""
    if machine.reason is not None:
        before = _THEN.get(worst([each.verdict for each in machine.environments]), "")
        yield f"{machine.name}, {machine.reason}" + (before if machine.state == "stale" else "")
    reasons = {each.reason for each in machine.environments if each.verdict == "unknown" and each.reason}
    yield from (f"{machine.name}: {reason}" for reason in sorted(reasons))


def _away(machine: TeamMachine) -> str:
    """Answer since when a machine is away, and how it was then."""
    then = _THEN.get(machine.verdict, "")
    return f"{machine.name}, since {machine.seen:%a %d %b, %H:%M} UTC{then}"


def _show_differences(console: Console, report: TeamReport) -> None:
    rows = [
        (difference.package if number == 0 else "", version, ", ".join(machines))
        for difference in report.differences
        for number, (version, machines) in enumerate(difference.versions.items())
    ]
    console.print()
    print_table(console, ("WHERE MACHINES DIFFER", "VERSION", "MACHINES"), rows)


def _print_command(console: Console, what: str, command: str, width: int) -> None:
    """Print a line to paste: never broken, however narrow the terminal is."""
    console.print(words(f"{what:<{width}}  ", "bold").append_text(words(command, "not bold")), soft_wrap=True)


def _moved(verdict: Verdict) -> str | None:
    """What changed since this environment matched, where somebody remembers that it did."""
    moved = [each.moved for each in _errors(verdict) if each.moved is not None]
    kinds = [kind for kind in dict.fromkeys(moved) if kind != "never-matched"]
    if not kinds:
        return None
    when = f" on {verdict.since:%a %d %b, %H:%M} UTC" if verdict.since is not None else ""
    what = " and ".join(MOVED_WORDS[kind] for kind in kinds)
    return f"moved: {what}{when}; until then this environment matched"


def _errors(verdict: Verdict) -> list[JudgedFinding]:
    return [each for each in verdict.findings if each.severity == "error" and each.waived is None]
