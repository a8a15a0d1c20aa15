"""One machine, and who has a package: as documents, and for a terminal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.ages import age_text
from envguard.domain.versions import newest_first
from envguard.report.causes import MOVED_WORDS, label_of
from envguard.report.printing import print_table, print_text, words
from envguard.report.terminal import STYLES
from envguard.wire.lists import EnvironmentRow, FindingRow, MachineRow, PackageRow

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_NAMED = 8
"""Machines that are named in a row; the others are counted."""


class MachineDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/machine/1"
):
    """``machine --json``: how a machine stands."""

    machine: MachineRow
    environments: tuple[EnvironmentRow, ...]
    findings: tuple[FindingRow, ...]


class PackageDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/package/1"
):
    """``package --json``: who has it."""

    package: str
    version: str | None
    """The specifier that was asked for; null: any version."""
    environments: tuple[PackageRow, ...]


def show_machine(console: Console, found: MachineDocument, *, now: datetime) -> None:
    """Print how a machine stands, its environments, and in what they differ."""
    machine = found.machine
    labels = [f"{key}={value}" if value else key for key, value in sorted(machine.labels.items())]
    told = [f"{machine.state}, heard {age_text(machine.seen, now)}", *labels]
    print_text(console, f"{machine.machine}: {machine.verdict}; {', '.join(told)}", STYLES[machine.verdict])
    if machine.reason is not None:
        print_text(console, f"because {machine.reason}")
    if found.environments:
        console.print()
        columns = ("VERDICT", "ENVIRONMENT", "KIND", "POLICY", "ERRORS#")
        print_table(console, columns, map(_environment_cells, found.environments))
    for row in found.environments:
        if row.reason is not None:
            print_text(console, f"unknown: {row.environment}: {row.reason}")
    if found.findings:
        console.print()
        named = ("SEVERITY", "FINDING", "ENVIRONMENT", "WHAT MOVED")
        print_table(console, named, map(_finding_cells, found.findings))


def show_package(console: Console, found: PackageDocument, *, is_verbose: bool) -> None:
    """Print which versions there are, and on which machines; verbosely each environment."""
    rows = found.environments
    what = f"{found.package}{found.version or ''}"
    if not rows:
        print_text(console, f"nobody has {what}", "bold")
        return
    machines = len({row.machine for row in rows})
    print_text(
        console, f"{what}: {_count(len(rows), 'environment')} on {_count(machines, 'machine')}", "bold"
    )
    console.print()
    if is_verbose:
        columns = ("VERSION", "MACHINE", "ENVIRONMENT", "KIND", "OWNER")
        print_table(console, columns, map(_package_cells, rows))
    else:
        print_table(console, ("VERSION", "ENVIRONMENTS#", "MACHINES"), _by_version(rows))


def _by_version(rows: Sequence[PackageRow]) -> list[tuple[str, str, str]]:
    holders: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for version in row.versions:
            holders[version].append(row.machine)
    return [
        (version, str(len(holders[version])), _names(list(dict.fromkeys(holders[version]))))
        for version in newest_first(holders)
    ]


def _names(machines: Sequence[str]) -> str:
    more = f" and {len(machines) - _NAMED} more" if len(machines) > _NAMED else ""
    return ", ".join(machines[:_NAMED]) + more


def _environment_cells(row: EnvironmentRow) -> tuple[str | Text, ...]:
    revision = f" r{row.revision}" if row.revision is not None else ""
    policy = f"{row.policy}{revision}" if row.policy is not None else "-"
    verdict = words(row.verdict, STYLES[row.verdict])
    return verdict, row.environment, row.kind, policy, str(row.errors or "")


def _finding_cells(row: FindingRow) -> tuple[str, ...]:
    waived = f"waived by {row.waived_by}" if row.waived_by is not None else row.severity
    moved = MOVED_WORDS[row.moved] if row.moved is not None else ""
    return waived, label_of(row), row.environment, moved


def _package_cells(row: PackageRow) -> tuple[str, ...]:
    return ", ".join(row.versions), row.machine, row.environment, row.kind, row.owner or ""


def _count(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
