"""What is shown while a machine is looked at, or a server thinks."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status


_SHOWN_EVERY_S = 0.1
_PATIENCE_S = 1.0


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


def is_terminal() -> bool:
    """Whether escape sequences are welcome on standard error."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
