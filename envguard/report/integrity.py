"""Files that changed after installation, for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from envguard.domain.environment import Integrity, Scan
from envguard.report.here import Here
from envguard.report.printing import print_text

if TYPE_CHECKING:
    from rich.console import Console


def show_integrity(console: Console, scan: Scan, *, here: Here, is_verbose: bool) -> None:
    """Print what changed in each environment that was looked at."""
    console.print()
    for environment in scan.environments:
        integrity = environment.record.integrity
        if integrity is not None:
            style = "yellow" if integrity.modified or integrity.unchecked else ""
            for line in _lines(integrity, is_verbose=is_verbose):
                print_text(console, f"{here.shown(environment.record.path)}: {line}", style)


def _lines(integrity: Integrity, *, is_verbose: bool) -> Iterator[str]:
    if integrity.modified:
        yield f"changed after installation: {', '.join(integrity.modified)}"
    if is_verbose:
        for package, files in integrity.files.items():
            yield from (f"{package}: {file}" for file in files)
    if integrity.unchecked:
        yield f"could not be checked: {', '.join(integrity.unchecked)}"
    if not integrity.modified and not integrity.unchecked:
        yield "no file changed after installation"
