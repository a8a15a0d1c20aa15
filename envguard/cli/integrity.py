"""Files that changed after installation, looked for while a bar shows how far it is."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import msgspec

from envguard.cli.output import here, now, tell
from envguard.cli.progress import is_terminal
from envguard.domain.environment import Environment, Scan
from envguard.domain.facts import MachineFacts
from envguard.errors import InventoryError
from envguard.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress

_NAME_WIDTH = 40


def with_integrity(scan: Scan, *, within_s: float | None) -> Scan:
    """Answer the scan with what changed in each environment; every installed file is hashed.

    What was not looked at within the time is ``unchecked``; None is all the time that it takes.
    """
    ends_at = math.inf if within_s is None else time.monotonic() + within_s
    if not is_terminal():
        return _checked(scan, lambda _environment: lambda _done, _total: None, ends_at)
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        return _checked(scan, lambda environment: _bar(bars, environment), ends_at)


def with_integrity_of(environment: Environment) -> Environment:
    """Answer the environment with what changed in it; every installed file is hashed."""
    scan = Scan(MachineFacts(os="", kernel=""), (environment,))
    return with_integrity(scan, within_s=None).environments[0]


def _checked(scan: Scan, bar_of: Callable[[Environment], Callable[[int, int], None]], ends_at: float) -> Scan:
    environments = tuple(_with_integrity(each, bar_of(each), ends_at) for each in scan.environments)
    return msgspec.structs.replace(scan, environments=environments)


def _with_integrity(
    environment: Environment, progress: Callable[[int, int], None], ends_at: float
) -> Environment:
    from envguard.inventory.integrity import check_hashes

    def is_over() -> bool:
        return time.monotonic() > ends_at

    try:
        integrity = check_hashes(environment, now=now(), progress=progress, is_over=is_over, is_late=is_over)
    except InventoryError as error:
        tell(f"warning: its files cannot be checked: {error}")
        return environment
    record = msgspec.structs.replace(environment.record, integrity=integrity)
    return msgspec.structs.replace(environment, record=record)


def _bar(bars: Progress, environment: Environment) -> Callable[[int, int], None]:
    name = printable(here().shown(environment.record.path))
    task = bars.add_task(name[-_NAME_WIDTH:], total=None)

    def advance(done: int, total: int) -> None:
        bars.update(task, completed=done, total=total)

    return advance
