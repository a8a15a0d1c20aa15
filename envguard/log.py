"""A thin key-value wrapper over ``logging``: constant events, data as keys, one line per unit of work.

``warning`` means that somebody may have to act, ``error`` that somebody must. Events are snake_case and in
the past tense (``checkin_accepted``). Secrets and bodies never go in. ``logging`` is imported with the first
line that is written: most commands write none.
"""

from __future__ import annotations

import re
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from logging import Formatter, LogRecord

_PLAIN = r"[\w.:/@+-]+"
_AT = "%Y-%m-%dT%H:%M:%S%z"

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Form = Literal["text", "json"]
"""``text``: event and ``key=value``; ``json``: an object a line."""

Value = str | int | float | bool | None
"""What a key may hold: enough for a line that ``grep`` and journald can search."""

_unit: ContextVar[dict[str, Value]] = ContextVar("envguard_unit_of_work")


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
            told = {**self._bound, **keys, **_unit.get({})}
            fields = "".join(f" {key}={_shown(value)}" for key, value in told.items())
            logger.log(number, "%s%s", event, fields, extra={"envguard": {"event": event, **told}})


def get_log(name: str) -> Log:
    """Answer the log of a room, named as its module (``__name__``)."""
    return Log(name)


def begin_unit(**keys: Value) -> None:
    """Repeat these keys on every line of this task, and of the threads that it waits for, until its end."""
    _unit.set(keys)


def configure(*, verbose: int = 0, form: Form = "text", libraries: tuple[str, ...] = ()) -> None:
    """Send envguard's log to standard error: warnings; ``-v`` adds what was done, ``-vv`` all details.

    ``libraries`` are loggers of others whose warnings go the same way.
    """
    import logging

    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_FORMATTERS[form]())
    for name, least in (("envguard", level), *((each, logging.WARNING) for each in libraries)):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.setLevel(least)
        logger.propagate = False


def _text_formatter() -> Formatter:
    import logging

    return logging.Formatter("%(asctime)s %(levelname)s %(message)s", _AT)


def _json_formatter() -> Formatter:
    import json
    import logging

    class JsonFormatter(logging.Formatter):
        """One object a line, also where a traceback comes along."""

        def format(self, record: LogRecord) -> str:
            told = getattr(record, "envguard", None) or {"event": record.getMessage(), "logger": record.name}
            line = {"at": self.formatTime(record, _AT), "level": record.levelname.lower(), **told}
            if record.exc_info:
                line["traceback"] = self.formatException(record.exc_info)
            return json.dumps(line)

    return JsonFormatter()


_FORMATTERS = {"text": _text_formatter, "json": _json_formatter}


def _shown(value: Value) -> str:
    if value is None:
        return "-"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if re.fullmatch(_PLAIN, text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in escaped) + '"'
