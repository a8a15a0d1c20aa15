"""What is shown while a machine is looked at, or a server thinks."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from envguard.cli.output import tell

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID
    from rich.status import Status


_SHOWN_EVERY_S = 0.1
_PATIENCE_S = 1.0
_LINE_EVERY_S = 5.0


class Progress:
    """A spinner on a terminal's standard error; silent elsewhere."""

    def __enter__(self) -> Progress:
        self._status: Status | None = None
        self._due_at = 0.0
        if is_terminal():
            from rich.console import Console

            self._status = Console(stderr=True).status("looking for environments")
            self._status.start()
        return self

    def step(self, folder: str) -> None:
        """Show where the scan is, not more often than anybody can read."""
        if self._status is None or time.monotonic() < self._due_at:
            return
        from rich.text import Text

        self._due_at = time.monotonic() + _SHOWN_EVERY_S
        self._status.update(Text(f"looking in {folder[-60:]!r}"))

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()


class Waiting:
    """A spinner on a terminal's standard error once something takes over a second; silent elsewhere."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._status: Status | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(_PATIENCE_S, self._show)
        self._timer.daemon = True
        self._is_over = False

    def __enter__(self) -> Waiting:
        if is_terminal():
            self._timer.start()
        return self

    def step(self, what: str) -> None:
        """Show what is done now."""
        with self._lock:
            self._what = what
            if self._status is not None:
                self._status.update(what)

    def _show(self) -> None:
        from rich.console import Console

        with self._lock:
            if not self._is_over:
                self._status = Console(stderr=True).status(self._what)
                self._status.start()

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with self._lock:
            self._is_over = True
            if self._status is not None:
                self._status.stop()


class Bar:
    """How much of what is counted is done, on standard error: a bar on a terminal, elsewhere lines."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic

    def __enter__(self) -> Bar:
        self._progress: RichProgress | None = None
        self._task: TaskID | None = None
        self._what: str | None = None
        self._due_at = self._monotonic() + _LINE_EVERY_S
        if is_terminal():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as RichProgress

            columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
            self._progress = RichProgress(
                *columns,
                TimeRemainingColumn(),
                console=Console(stderr=True),
                transient=True,
                redirect_stdout=sys.stdout.isatty(),  # data that goes elsewhere must not come here
            )
            self._progress.start()
        return self

    def show(self, what: str, done: int, total: int) -> None:
        """Say how far ``what`` is."""
        if self._progress is None:
            if done and self._monotonic() >= self._due_at:
                self._due_at = self._monotonic() + _LINE_EVERY_S
                tell(f"{what}: {done:,} of {total:,}")
            return
        if what != self._what or self._task is None:
            for task in self._progress.task_ids:
                self._progress.remove_task(task)
            self._what, self._task = what, self._progress.add_task(what, total=total)
        self._progress.update(self._task, completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()


def is_terminal() -> bool:
    """Whether escape sequences are welcome on standard error."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
