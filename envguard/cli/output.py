"""Where commands print: data to standard output, everything else to standard error.

Nothing of click is in here: a plain command is answered without it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from envguard.errors import UsageError
from envguard.report.documents import to_json
from envguard.report.here import Here
from envguard.report.printable import printable

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from envguard.domain.verdict import Outcome

EXIT_CODES: dict[Outcome, int] = {"compliant": 0, "unmanaged": 0, "drifted": 1, "unknown": 3}
"""The exit code of an outcome."""

_STYLING = ("COLUMNS", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE")
"""Variables by which the library that lays out decides how."""


def now() -> datetime:
    """Answer the current time, aware UTC: the one clock of all commands."""
    return datetime.now(timezone.utc)


def current_folder() -> str:
    """Answer the folder that one is in. Raises UsageError where it is gone."""
    try:
        return os.getcwd()  # noqa: PTH109 - without pathlib, which takes as long as a warm run
    except OSError as error:
        raise UsageError("the current folder is gone", hint="cd to another") from error


def console(*, is_for_data: bool = True) -> Console:
    """Answer the console for data, or for all else: colour only on a terminal, 80 columns where nobody says.

    ``NO_COLOR`` means no escape sequences at all, so neither bold nor dim.
    """
    from rich.console import Console

    is_terminal = (sys.stdout if is_for_data else sys.stderr).isatty()
    width = None if is_terminal or "COLUMNS" in os.environ else 80
    return Console(
        stderr=not is_for_data,
        highlight=False,
        width=width,
        soft_wrap=False,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
    )


def unstyled_width() -> int | None:
    """Answer the columns of an output that :func:`console` gives no style; None where it may give some."""
    is_told = any(map(os.environ.get, _STYLING))
    return None if is_told or sys.stdout.isatty() else 80


def here() -> Here:
    """Answer from where the person looks: the current folder and the home."""
    from pathlib import Path

    return Here(cwd=_folder(Path.cwd), home=_folder(Path.home))


def print_json(document: object) -> None:
    """Print the one JSON document of a command: UTF-8, whatever the terminal's encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(to_json(document).encode() + b"\n")


def tell(text: str) -> None:
    """Say something in a line that is not data."""
    print(printable(text), file=sys.stderr)


def default_machine_name() -> str:
    """Answer the name of a machine that nobody named."""
    return os.uname().nodename or "this-machine"


def _folder(look: Callable[[], Path]) -> str | None:
    """Answer a folder; None where it was removed, or nobody has it."""
    try:
        return str(look())
    except (OSError, RuntimeError):
        return None
