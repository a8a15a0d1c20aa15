"""A thin key-value wrapper over ``logging``: constant events, data as keys, one line per unit of work.

``warning`` means that somebody may have to act, ``error`` that somebody must. Events are snake_case and in
the past tense (``checkin_accepted``). Secrets and bodies never go in.
"""

from __future__ import annotations

import logging
import re
import sys

_PLAIN = re.compile(r"[\w.:/@+-]+")

Value = str | int | float | bool | None
"""What a key may hold: enough for a line that ``grep`` and journald can search."""


class Log:
    """Writes events of one room; ``bind`` makes a copy that repeats some keys on every line."""

    def __init__(self, name: str, bound: dict[str, Value] | None = None) -> None:
        """Name the room; ``bound`` keys come first on every line."""
        self._logger = logging.getLogger(name)
        self._bound = bound or {}

    def bind(self, **keys: Value) -> Log:
        """Answer a log that adds these keys to each of its lines."""
        return Log(self._logger.name, {**self._bound, **keys})

    def debug(self, event: str, **keys: Value) -> None:
        """Record what only somebody who debugs wants to see."""
        self._write(logging.DEBUG, event, keys)

    def info(self, event: str, **keys: Value) -> None:
        """Record one finished unit of work."""
        self._write(logging.INFO, event, keys)

    def warning(self, event: str, **keys: Value) -> None:
        """Record what somebody may have to act on."""
        self._write(logging.WARNING, event, keys)

    def error(self, event: str, **keys: Value) -> None:
        """Record what somebody must act on."""
        self._write(logging.ERROR, event, keys)

    def _write(self, level: int, event: str, keys: dict[str, Value]) -> None:
        if self._logger.isEnabledFor(level):
            fields = "".join(f" {key}={_shown(value)}" for key, value in {**self._bound, **keys}.items())
            self._logger.log(level, "%s%s", event, fields)


def get_log(name: str) -> Log:
    """Answer the log of a room, named as its module (``__name__``)."""
    return Log(name)


def configure(*, verbose: int = 0) -> None:
    """Send envguard's log to standard error: warnings; ``-v`` adds what was done, ``-vv`` all details."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S%z"))
    logger = logging.getLogger("envguard")
    logger.handlers[:] = [handler]
    logger.setLevel(level)
    logger.propagate = False


def _shown(value: Value) -> str:
    if value is None:
        return "-"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in escaped) + '"'
