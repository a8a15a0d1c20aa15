"""What is shown while a machine is looked at."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status


_SHOWN_EVERY_S = 0.1


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


def is_terminal() -> bool:
    """Whether escape sequences are welcome on standard error."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
