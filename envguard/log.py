"""A thin key-value wrapper over ``logging``: constant events, data as keys, one line per unit of work.

``warning`` means that somebody may have to act, ``error`` that somebody must. Events are snake_case and in
the past tense (``checkin_accepted``). Secrets and bodies never go in. ``logging`` is imported with the first
line that is written: most commands write none.
"""

from __future__ import annotations

import re
import sys
from typing import Literal

_PLAIN = r"[\w.:/@+-]+"

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]

Value = str | int | float | bool | None
"""What a key may hold: enough for a line that ``grep`` and journald can search."""


class Log:
    """Writes events of one room; ``bind`` makes a copy that repeats some keys on every line."""

    def __init__(self, name: str, bound: dict[str, Value] | None = None) -> None:
        """Name the room; ``bound`` keys come first on every line."""
        self._name = name
        self._bound = bound or {}

    def bind(self, **keys: Value) -> Log:
        """Answer a log that adds these keys to each of its lines."""
        return Log(self._name, {**self._bound, **keys})

    def debug(self, event: str, **keys: Value) -> None:
        """Record what only somebody who debugs wants to see."""
        self._write("DEBUG", event, keys)

    def info(self, event: str, **keys: Value) -> None:
        """Record one finished unit of work."""
        self._write("INFO", event, keys)

    def warning(self, event: str, **keys: Value) -> None:
        """Record what somebody may have to act on."""
        self._write("WARNING", event, keys)

    def error(self, event: str, **keys: Value) -> None:
        """Record what somebody must act on."""
        self._write("ERROR", event, keys)

    def _write(self, level: Level, event: str, keys: dict[str, Value]) -> None:
        import logging

        logger, number = logging.getLogger(self._name), logging.getLevelName(level)
        if logger.isEnabledFor(number):
            fields = "".join(f" {key}={_shown(value)}" for key, value in {**self._bound, **keys}.items())
            logger.log(number, "%s%s", event, fields)


def get_log(name: str) -> Log:
    """Answer the log of a room, named as its module (``__name__``)."""
    return Log(name)


def configure(*, verbose: int = 0) -> None:
    """Send envguard's log to standard error: warnings; ``-v`` adds what was done, ``-vv`` all details."""
    import logging

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
    if re.fullmatch(_PLAIN, text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in escaped) + '"'
