"""Files that changed after installation, looked for while a bar shows how far it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from envguard.cli.output import here, now, tell
from envguard.cli.progress import is_terminal
from envguard.domain.environment import Environment, Scan
from envguard.errors import InventoryError
from envguard.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Progress

_NAME_WIDTH = 40


def with_integrity(scan: Scan) -> Scan:
    """Answer the scan with what changed in each environment; every installed file is hashed."""
    if not is_terminal():
        return _checked(scan, lambda _environment: lambda _done, _total: None)
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        return _checked(scan, lambda environment: _bar(bars, environment))


def _checked(scan: Scan, bar_of: Callable[[Environment], Callable[[int, int], None]]) -> Scan:
    environments = tuple(_with_integrity(each, bar_of(each)) for each in scan.environments)
    return msgspec.structs.replace(scan, environments=environments)


def _with_integrity(environment: Environment, progress: Callable[[int, int], None]) -> Environment:
    from envguard.inventory.integrity import check_hashes

    try:
        integrity = check_hashes(environment, now=now(), progress=progress)
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
