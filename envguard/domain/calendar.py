"""When a team's environments may change, as a policy says it.

Times of a policy are civil times: a clock on a wall, in a zone that may be each machine's own. They become
instants only where somebody asks for a machine.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class CivilTime(msgspec.Struct, frozen=True, omit_defaults=True):
    """A moment as people write it."""

    clock: datetime
    """Naive: what the clock shows."""
    zone: str | None = None
    """An IANA zone, ``UTC``, an offset such as ``+02:00``, or ``AoE`` ("anywhere on Earth", UTC-12).
    None: the calendar's own."""
    is_day: bool = False
    """Whether only a day was written: as a beginning its first moment, as an end its last."""


class WeeklyTime(msgspec.Struct, frozen=True):
    """A day of the week with a time of day."""

    weekday: Weekday
    minute: int
    """Minutes since midnight on the clock."""


class UpgradeWindow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When upgrades may start, once a week."""

    every: WeeklyTime
    length_s: int
    """Seconds from the window's start to its end."""
    cutoff_s: int = 0
    """Seconds before the end from which nothing starts any more."""
    propose: WeeklyTime | None = None
    """When the next lock is resolved; None: 72 hours before the window."""


class Freeze(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A time in which nothing changes."""

    start: CivilTime
    until: CivilTime
    reason: str


class Calendar(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The windows and freezes of one policy."""

    timezone: str | None = None
    """An IANA zone; None: each machine's own."""
    upgrade: UpgradeWindow | None = None
    freezes: tuple[Freeze, ...] = ()


def duration_text(seconds: int) -> str:
    """Answer a duration as policies write it: ``7d``, ``1h30m``."""
    text = ""
    for unit, length_s in (("d", 24 * 3600), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, length_s)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def weekly_text(time: WeeklyTime) -> str:
    """Answer a time of the week as policies write it: ``monday 03:00``."""
    return f"{time.weekday} {time.minute // 60:02}:{time.minute % 60:02}"


def civil_text(time: CivilTime) -> str:
    """Answer a civil time as policies write it: ``2027-01-29 13:00 AoE``."""
    text = str(time.clock.date())
    if not time.is_day:
        text += time.clock.strftime(" %H:%M:%S" if time.clock.second else " %H:%M")
    return text if time.zone is None else f"{text} {time.zone}"
