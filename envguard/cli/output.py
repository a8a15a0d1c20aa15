"""Where commands print: data to standard output, everything else to standard error."""

from __future__ import annotations

import os
import platform
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from envguard.domain.verdict import Outcome
from envguard.report.documents import to_json

if TYPE_CHECKING:
    from rich.console import Console

EXIT_CODES: dict[Outcome, int] = {"compliant": 0, "unmanaged": 0, "drifted": 1, "unknown": 3}
"""The exit code of an outcome."""

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
verbose_option = click.option("-v", "--verbose", count=True, help="Say more; twice: everything.")


def now() -> datetime:
    """Answer the current time, aware UTC: the one clock of all commands."""
    return datetime.now(timezone.utc)


def console() -> Console:
    """Answer the console for data: colour only on a terminal, 80 columns where nobody says."""
    from rich.console import Console

    is_terminal = sys.stdout.isatty()
    width = None if is_terminal or "COLUMNS" in os.environ else 80
    return Console(highlight=False, width=width, soft_wrap=False)


def print_json(document: object) -> None:
    """Print the one JSON document of a command."""
    click.echo(to_json(document))


def tell(text: str) -> None:
    """Say something that is not data."""
    click.echo(text, err=True)


def default_machine_name() -> str:
    """Answer the name of a machine that nobody named."""
    return platform.node() or "this-machine"
