"""Who tells a registry where it may look."""

from __future__ import annotations

from collections.abc import Callable


class Listener:
    """A guide that lets a registry ask where it is told, and keeps what it asked and could not read."""

    def __init__(self, may_ask: Callable[[str], bool] = lambda _: True) -> None:
        """Any place may be asked unless somebody says which."""
        self._may_ask = may_ask
        self.asked: list[str] = []
        self.unread: dict[str, str] = {}

    def may_ask(self, path: str) -> bool:
        """Whether a place may be asked, which is kept."""
        self.asked.append(path)
        return self._may_ask(path)

    def fail(self, path: str, reason: str) -> None:
        """Keep what could not be read."""
        self.unread[path] = reason

    def refuse(self, path: str, error: OSError) -> None:
        """Keep what the system did not let a registry read."""
        self.unread[path] = str(error)
