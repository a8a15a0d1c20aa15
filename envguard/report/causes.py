"""The team's drift, a row for each cause: what is wrong, and on which machines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

import msgspec

from envguard.domain.findings.finding import FindingKind
from envguard.domain.policy import Severity
from envguard.domain.verdict import JudgedFinding, Outcome, Waived

if TYPE_CHECKING:
    from envguard.wire import TeamMachine, TeamReport

MOVED_WORDS: Mapping[str, str] = {
    "machine": "the machine",
    "policy": "the policy",
    "lock": "the lock",
    "waiver": "a waiver",
    "facts": "machine facts",
    "envguard": "envguard",
    "never-matched": "never matched",
}
"""What changed since an environment last matched, as people say it; in the order in which it is listed."""

_SEVERITIES: tuple[Severity, ...] = ("error", "warn", "info")


class Cause(msgspec.Struct, frozen=True):
    """One thing that is wrong, wherever it is."""

    label: str
    """``numpy 2.1.3, needs >=1.26,<2``."""
    machines: tuple[str, ...]
    moved: str
    """What changed on them since they matched, in words; empty where it is not known."""
    severity: Severity


class WaivedCause(msgspec.Struct, frozen=True):
    """One thing that differs by permission, wherever it is."""

    label: str
    machines: tuple[str, ...]
    by: Waived


def causes(report: TeamReport) -> tuple[Cause, ...]:
    """Answer the causes of drift, errors first, then by how many machines have them.

    What a machine had that is silent or away is not known to be there still: it is no row.
    """
    found: dict[tuple[Severity, str], list[tuple[str, JudgedFinding]]] = defaultdict(list)
    for machine, finding in _findings(report):
        if machine.state == "online" and finding.waived is None:
            found[finding.severity, label_of(finding)].append((machine.name, finding))
    rows = [
        Cause(label, tuple(dict.fromkeys(name for name, _ in where)), _moved(where), severity)
        for (severity, label), where in found.items()
    ]
    return tuple(
        sorted(rows, key=lambda row: (_SEVERITIES.index(row.severity), -len(row.machines), row.label))
    )


def waived(report: TeamReport) -> tuple[WaivedCause, ...]:
    """Answer what does not count, by what it is and by whose permission; what ends first comes first."""
    found: dict[tuple[str, Waived], list[str]] = defaultdict(list)
    for machine, finding in _findings(report):
        if finding.waived is not None:
            found[label_of(finding), finding.waived].append(machine.name)
    rows = [WaivedCause(label, tuple(dict.fromkeys(names)), by) for (label, by), names in found.items()]
    return tuple(sorted(rows, key=lambda row: (row.by.until, row.label)))


class Differing(Protocol):
    """As much of a finding as it is told by."""

    @property
    def kind(self) -> FindingKind:
        """What kind of difference it is."""

    @property
    def package(self) -> str | None:
        """About which package; None: about none."""

    @property
    def expected(self) -> str | None:
        """What is wanted."""

    @property
    def actual(self) -> str | None:
        """What is there."""

    @property
    def reason(self) -> str | None:
        """Why."""


def label_of(finding: Differing) -> str:
    """Answer a finding in half a line: what is there, and what is needed."""
    name = finding.package or ("python" if finding.kind == "interpreter-mismatch" else "environment")
    match finding.kind:
        case "missing":
            return f"{name} absent, needs {finding.expected}"
        case "version-mismatch" | "interpreter-mismatch" | "build-mismatch":
            return f"{name} {finding.actual or ''}, needs {finding.expected}".replace(" ,", ",")
        case "denied":
            return f"{name} {finding.actual}, denied"
        case "unlisted":
            return f"{name} {finding.actual}, outside the policy"
        case "unreadable":
            return f"{name}: {finding.reason or 'could not be read'}"
        case "origin-mismatch":
            return f"{name} from {finding.actual}, needs {finding.expected}"
        case "hash-mismatch":
            return f"{name} {finding.actual or ''} is none of the lock's files".replace("  ", " ")
        case "modified-files":
            files = f": {finding.actual}" if finding.actual else ""
            return f"{name}: files changed since their installation{files}"
        case "broken-requirement":
            return f"{name} requires {finding.expected}, found {finding.actual or 'nothing'}"
        case "machine-mismatch":
            return f"machine: needs {finding.expected}, has {finding.actual}"
        case "duplicate" | "shadowed":
            return f"{name}: {finding.kind}"


def headline(report: TeamReport, policy: str | None = None) -> str:
    """Answer the first line: how many of how many machines match, and what the others do."""
    summary = report.summary
    judged = summary.machines - summary.unmanaged
    name = policy or (next(iter(report.policies)) if len(report.policies) == 1 else None)
    if name is None and not report.policies:
        return f"no policy yet: {_machines(summary.machines)} reporting"
    what = name or "their policies"
    if name in report.policies and name not in report.pending:
        what = f"{name} r{report.policies[name]}"
    verb = "matches" if summary.compliant == 1 else "match"
    parts = [f"{summary.compliant} of {_machines(judged)} {verb} {what}"]
    others: tuple[tuple[int, Outcome | str], ...] = (
        (summary.drifted, "drifts" if summary.drifted == 1 else "drift"),
        (summary.unknown, "unknown"),
        (summary.away, "away"),
        (summary.unmanaged, "without a policy"),
    )
    rest = ", ".join(f"{count} {word}" for count, word in others if count)
    return "; ".join([*parts, rest] if rest else parts)


def pending_lines(report: TeamReport) -> tuple[str, ...]:
    """Answer a line for each policy of which the newest revision has not judged all yet."""
    return tuple(
        f"pending {name} r{each.revision}: {each.machines} of {_machines(each.of)} not judged by it yet"
        for name, each in report.pending.items()
    )


def headline_of_scans(report: TeamReport, policy: str | None) -> str:
    """Answer the first line about saved scans, by a policy or by none."""
    if policy is None:
        return f"{_machines(report.summary.machines)}, by saved scans"
    return f"{headline(report, policy)}, by saved scans"


def _findings(report: TeamReport) -> Iterator[tuple[TeamMachine, JudgedFinding]]:
    for machine in report.machines:
        for environment in machine.environments:
            yield from ((machine, finding) for finding in environment.findings)


def _moved(where: Iterable[tuple[str, JudgedFinding]]) -> str:
    moved = {finding.moved for _, finding in where}
    return ", ".join(words for kind, words in MOVED_WORDS.items() if kind in moved)


def _machines(count: int) -> str:
    return "1 machine" if count == 1 else f"{count} machines"
