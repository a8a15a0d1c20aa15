"""Findings for a terminal: a line for each error, and one for each kind of warning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from envguard.domain.findings.finding import FindingKind
from envguard.domain.verdict import JudgedFinding
from envguard.report.causes import label_of
from envguard.report.printable import one_line, printable
from envguard.report.printing import pack, print_lines, print_text

if TYPE_CHECKING:
    from rich.console import Console

_NAMED = 3
"""Packages that one line names."""
_TOGETHER: dict[FindingKind, tuple[str, str]] = {
    "broken-requirement": ("package requires what does not hold", "packages require what does not hold"),
    "build-mismatch": ("package in another build", "packages in another build"),
    "denied": ("package that must not be there", "packages that must not be there"),
    "duplicate": ("package in two versions", "packages in two versions"),
    "machine-mismatch": ("fact of the machine differs", "facts of the machine differ"),
    "missing": ("package absent", "packages absent"),
    "modified-files": ("package with changed files", "packages with changed files"),
    "origin-mismatch": ("package from elsewhere", "packages from elsewhere"),
    "shadowed": ("package installed twice or shadowed", "packages installed twice or shadowed"),
    "unlisted": ("package outside the policy", "packages outside the policy"),
    "version-mismatch": ("package in another version", "packages in another version"),
}
"""What is said of one, and of several, of a kind that does not count as drift."""


def show_findings(console: Console, findings: Sequence[JudgedFinding]) -> None:
    """Print a line for each error and each waived finding, and one for all warnings of a kind."""
    together: dict[tuple[str, FindingKind], list[JudgedFinding]] = {}
    for finding in findings:
        if finding.severity == "error" or finding.waived is not None:
            show_finding(console, finding)
        else:
            together.setdefault((finding.severity, finding.kind), []).append(finding)
    for same in together.values():
        if len(same) == 1 and same[0].kind != "unlisted":
            show_finding(console, same[0])
        else:
            _show_together(console, same)


def show_finding(console: Console, finding: JudgedFinding) -> None:
    """Print all of one finding, on as few lines as hold it."""
    from rich.text import Text

    is_error = finding.severity == "error"
    label = printable(label_of(finding) if is_error else f"{finding.severity}  {label_of(finding)}")
    parts = [label, *(one_line(part) for part in _told(finding))]
    packed = pack(parts, "  ", console.width, indent="  ")
    text = Text(packed[: len(label)], style="" if is_error else "dim")
    print_lines(console, text.append(packed[len(label) :], style="dim"))


def _told(finding: JudgedFinding) -> Iterator[str]:
    """Yield what is said of a finding after its label: why, where, until when it does not count."""
    if finding.reason and finding.kind not in ("unreadable", "broken-requirement"):
        yield finding.reason
    if finding.place:
        yield finding.place
    if finding.waived is not None:
        yield f"waived until {finding.waived.until:%Y-%m-%d} by {finding.waived.approved_by}"


def _show_together(console: Console, findings: Sequence[JudgedFinding]) -> None:
    names = [finding.package or finding.expected or "" for finding in findings]
    shown = ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    one, several = _TOGETHER.get(findings[0].kind, (findings[0].kind, findings[0].kind))
    line = f"{findings[0].severity}  {len(names)} {one if len(names) == 1 else several}: {shown}"
    print_text(console, f"{line}  (-v lists them)", "dim")
