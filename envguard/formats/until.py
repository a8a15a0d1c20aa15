"""The end of something, as people type it after ``--until``, and its beginning after ``--since``.

Rules
1. ``today``, ``tomorrow``, a day of the week (the next one, never today) and a day (``2027-02-01``) mean the
   end of that day, where the person is.
2. A day with a clock (``2027-02-01 13:00``) is meant there too, unless it names a zone.
3. An RFC 3339 time is that moment.
4. A span (``2w``, ``7d``, ``12h``, ``90m``, ``1d12h``) counts from now.
5. A beginning is a day (its first second), a moment, or a span, which counts back.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import get_args

from envguard.domain.calendar import Weekday
from envguard.domain.nearest import nearest
from envguard.errors import UsageError
from envguard.formats.files import shown

_DAYS: tuple[Weekday, ...] = get_args(Weekday)
_WORDS = ("today", "tomorrow", *_DAYS)
_SHORTEST_WORD = 3
_SPAN = re.compile(
    r"(?=[0-9])(?:([0-9]{1,3})w)?(?:([0-9]{1,4})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,6})m)?", re.ASCII
)
_MOMENT = re.compile(
    r"(?P<day>2[01]\d\d-\d\d-\d\d)"
    r"(?:[Tt ](?P<clock>(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)(?:\.\d{1,6})?(?P<zone>[Zz]|[+-]\d\d:\d\d)?)?",
    re.ASCII,
)
_HINT = "fri, tomorrow, 7d, 2w, 2027-02-01, '2027-02-01 13:00' or 2027-02-01T13:00:00Z"


def parse_until(text: str, now: datetime) -> datetime:
    """Answer the moment as aware UTC; ``now`` is aware, in the zone of who typed it.

    Raises UsageError for what is none; whether it lies in the future is not asked.
    """
    word = text.strip().lower()
    try:
        found = _by_word(word, now) or _by_span(word, now) or _by_moment(text.strip(), now)
    except (ValueError, OverflowError):  # a day that its month does not have, a zone of 99 hours
        found = None
    if found is not None:
        return found.astimezone(timezone.utc)
    near = nearest(word, _WORDS)
    hint = f"did you mean `{near}`? also {_HINT}" if near is not None else _HINT
    raise UsageError(f"not a time: `{shown(text)}`", where="--until", hint=hint)


def parse_since(text: str, now: datetime) -> datetime:
    """Answer the moment as aware UTC (rule 5); ``now`` is aware. Raises UsageError for what is none."""
    word = text.strip()
    try:
        end = _by_span(word.lower(), now)
        found = now - (end - now) if end is not None else _by_moment(word, now)
        if found is not None and end is None and len(word) == len("2027-02-01"):
            found = found.replace(hour=0, minute=0, second=0)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        hint = "2d, 12h, 2027-02-01 or 2027-02-01T13:00:00Z"
        raise UsageError(f"not a time: `{shown(text)}`", where="--since", hint=hint)
    return found.astimezone(timezone.utc)


def _by_word(word: str, now: datetime) -> datetime | None:
    if word in ("today", "tomorrow"):
        return _end_of_day(now, _WORDS.index(word))
    if len(word) < _SHORTEST_WORD:
        return None
    for number, day in enumerate(_DAYS):
        if day.startswith(word):
            return _end_of_day(now, (number - now.weekday() - 1) % 7 + 1)
    return None


def _by_span(word: str, now: datetime) -> datetime | None:
    found = _SPAN.fullmatch(word)
    if found is None:
        return None
    weeks, days, hours, minutes = (int(part or 0) for part in found.groups())
    return now.astimezone(timezone.utc) + timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)


def _by_moment(text: str, now: datetime) -> datetime | None:
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    day = datetime.fromisoformat(found["day"]).replace(tzinfo=now.tzinfo)
    if found["clock"] is None:
        return _end_of_day(day, 0)
    clock = datetime.fromisoformat(f"{found['day']}T{found['clock']}")
    if found["zone"] is None:
        return clock.replace(tzinfo=now.tzinfo)
    zone = "+00:00" if found["zone"] in "Zz" else found["zone"]
    return datetime.fromisoformat(f"{clock.isoformat()}{zone}")


def _end_of_day(now: datetime, days: int) -> datetime:
    """The last second of a day, which people still take for that day when they read it."""
    return (now + timedelta(days=days)).replace(hour=23, minute=59, second=59, microsecond=0)
