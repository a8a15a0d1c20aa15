"""Times as a policy writes them: durations, moments with and without a zone, times of a week.

Rules
1. A duration is whole days, hours, minutes and seconds, in this order: ``7d``, ``1h30m``; at most 366 days.
2. A civil time is a day, or a day and a clock, with a zone or without: what it means without one is the
   calendar's to say. Years are those from 2000 to 2199.
3. A zone is an IANA name, ``UTC``, an offset, or ``AoE`` ("anywhere on Earth", UTC-12). One that this machine
   does not know is an error here, so that it is none in the night of an upgrade.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import cast, get_args

import yaml

from envguard.domain.calendar import CivilTime, Weekday, WeeklyTime
from envguard.errors import PolicyError
from envguard.formats.files import shown
from envguard.formats.nodes import Problems, right_word, text_of

WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
"""The days of a week, from Monday on."""

MINUTES_OF_WEEK = 7 * 24 * 60

_LONGEST_S = 366 * 24 * 3600
_DURATION = re.compile(
    r"(?=[0-9])(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?", re.ASCII
)
_UNITS_S = (24 * 3600, 3600, 60, 1)
_WEEKLY = re.compile(r"(\S+) +([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_CIVIL = re.compile(
    r"(?P<day>2[01]\d\d-\d\d-\d\d)"
    r"(?:[Tt ] *(?P<clock>(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?))?"
    r" *(?P<zone>(?![0-9])\S*)",
    re.ASCII,
)
_OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d", re.ASCII)
_ZONE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,31}(?:/[A-Za-z0-9_+-]{1,32}){0,3}", re.ASCII)
_NO_ZONES = ("posix/", "right/", "localtime", "posixrules", "Factory")
"""What some systems keep among the zones, and which is none, or counts leap seconds."""
_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)([Tt ](?P<time>\d\d:\d\d:\d\d(\.\d{1,6})?)(?P<zone>[Zz]|[+-]\d\d:\d\d))?",
    re.ASCII,
)


def parse_time(text: str) -> datetime:
    """Answer a date (its beginning, UTC) or an RFC 3339 time as aware UTC; raises PolicyError otherwise."""
    found = _TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        day = datetime.fromisoformat(found["day"])
        if found["time"] is None:
            return day.replace(tzinfo=timezone.utc)
        clock, _, fraction = found["time"].partition(".")
        zone = "+00:00" if found["zone"] in "Zz" else found["zone"]
        moment = datetime.fromisoformat(f"{found['day']}T{clock}.{fraction:0<6}{zone}")
        return moment.astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        hint = "a date, 2027-02-01, or a time with its zone, 2027-02-01T12:00:00Z"
        raise PolicyError(f"not a time: `{shown(text)}`", hint=hint) from error


def duration_of(node: yaml.Node, key: str, problems: Problems) -> int | None:
    """Answer a duration in seconds; anything else is noted."""
    text = text_of(node, key, problems)
    if text is None:
        return None
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        hint = "days, hours, minutes, seconds: 7d, 4h, 45m, 90s, 1h30m"
        problems.add(node, key, f"not a duration: `{shown(text)}`", hint)
        return None
    seconds = sum(int(part or 0) * unit for part, unit in zip(found.groups(), _UNITS_S, strict=True))
    if seconds > _LONGEST_S:
        problems.add(node, key, f"longer than a year: `{shown(text)}`", "366d at most")
        return None
    return seconds


def weekly_of(node: yaml.Node, key: str, problems: Problems) -> WeeklyTime | None:
    """Answer a time of the week; anything else is noted."""
    text = text_of(node, key, problems)
    if text is None:
        return None
    found = _WEEKLY.fullmatch(text.strip())
    weekday = found[1].lower() if found is not None else ""
    if found is not None and weekday in WEEKDAYS:
        return WeeklyTime(cast("Weekday", weekday), int(found[2]) * 60 + int(found[3]))
    if found is not None:
        problems.add(node, key, f"not a day of the week: `{shown(found[1])}`", right_word(weekday, WEEKDAYS))
    else:
        what = f"not a time of the week: `{shown(text)}`"
        problems.add(node, key, what, "a day and a clock of 24 hours: monday 03:00")
    return None


def civil_of(node: yaml.Node, key: str, problems: Problems) -> CivilTime | None:
    """Answer a day, or a day with a clock, with its zone or without; anything else is noted."""
    text = text_of(node, key, problems)
    if text is None:
        return None
    found = _CIVIL.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError(text)
        clock = datetime.fromisoformat(f"{found['day']}T{found['clock'] or '00:00'}")
    except ValueError:
        hint = "2027-01-29, 2027-01-29 13:00, or with a zone: 2027-01-29 13:00 AoE"
        problems.add(node, key, f"not a time: `{shown(text)}`", hint)
        return None
    zone = "UTC" if found["zone"] in ("Z", "z") else found["zone"]
    if zone and not _check_zone(zone, node, key, problems):
        return None
    return CivilTime(clock, zone or None, is_day=found["clock"] is None)


def iana_zone_of(node: yaml.Node, key: str, problems: Problems) -> str | None:
    """Answer the name of a zone that has an entry of its own; anything else is noted."""
    text = text_of(node, key, problems)
    if text is None:
        return None
    if _OFFSET.fullmatch(text) or text == "AoE":
        what = f"an IANA zone is expected, not `{shown(text)}`"
        problems.add(node, key, what, "such as Europe/Zurich: it knows when clocks change")
        return None
    return text if _check_zone(text, node, key, problems) else None


def _check_zone(text: str, node: yaml.Node, key: str, problems: Problems) -> bool:
    """Whether a zone is known; one that is not is noted, with the nearest."""
    if zone_of(text) is not None:
        return True
    names = _zone_names()
    folded = {name.lower(): name for name in (*names, "AoE", "UTC")}
    right = folded.get(text.lower())
    near = f"did you mean `{right}`?" if right is not None else right_word(text, names)
    hint = near if near.startswith("did") else "an IANA name such as Europe/Zurich, UTC, +02:00, or AoE"
    problems.add(node, key, f"unknown time zone: `{shown(text)}`", hint)
    return False


def zone_of(text: str) -> tzinfo | None:
    """Answer a zone by its name; None where this machine knows none of that name."""
    if text == "UTC":
        return timezone.utc
    if text == "AoE":
        return timezone(timedelta(hours=-12))
    if _OFFSET.fullmatch(text):
        sign = -1 if text[0] == "-" else 1
        return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[4:6])))
    if not _ZONE_NAME.fullmatch(text) or text.startswith(_NO_ZONES):
        return None
    from zoneinfo import ZoneInfo  # 5 ms, which a policy without a zone does not pay

    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # unknown; no zone's file; a folder
        return None


@lru_cache(maxsize=1)
def _zone_names() -> Sequence[str]:
    from zoneinfo import available_timezones

    return sorted(name for name in available_timezones() if not name.startswith(_NO_ZONES))
