"""The part of a policy that says when its environments may change: ``calendar``."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import yaml

from envguard.domain.calendar import Calendar, CivilTime, Freeze, UpgradeWindow, WeeklyTime
from envguard.formats.language import CALENDAR_KEYS, FREEZE_KEYS, WINDOW_KEYS
from envguard.formats.nodes import Problems, fields_of, items_of, words_of
from envguard.formats.times import (
    MINUTES_OF_WEEK,
    WEEKDAYS,
    civil_of,
    duration_of,
    iana_zone_of,
    weekly_of,
    zone_of,
)

_DEFAULT_PROPOSE_MINUTES = 72 * 60
"""How long before the window the next lock is resolved, where the policy does not say."""

_EARLIEST, _LATEST = timedelta(hours=14), timedelta(hours=12)
"""How far clocks go before, and behind, UTC."""


def parse_calendar(node: yaml.Node | None, problems: Problems) -> Calendar | None:
    """Answer windows and freezes; None where the policy has none."""
    if node is None:
        return None
    fields = fields_of(node, "calendar", CALENDAR_KEYS, problems)
    zone = None
    if "timezone" in fields:
        zone = iana_zone_of(fields["timezone"], "calendar.timezone", problems)
    return Calendar(
        timezone=zone,
        upgrade=_window(fields["upgrade"], problems) if "upgrade" in fields else None,
        freezes=_freezes(fields["freezes"], zone, problems) if "freezes" in fields else (),
    )


def minutes_to_prepare(window: UpgradeWindow) -> int:
    """Answer how many minutes lie between the proposal of a lock and the window's start."""
    if window.propose is None:
        return _DEFAULT_PROPOSE_MINUTES
    return (_minute_of_week(window.every) - _minute_of_week(window.propose)) % MINUTES_OF_WEEK


def _window(node: yaml.Node, problems: Problems) -> UpgradeWindow | None:
    key = "calendar.upgrade"
    fields = fields_of(node, key, WINDOW_KEYS, problems)
    absent = [name for name in ("every", "for") if name not in fields]
    if absent and isinstance(node, yaml.MappingNode):
        hint = "a window opens once a week for a while: {every: monday 03:00, for: 4h}"
        problems.add_missing(node, key, f"a window must say: {', '.join(absent)}", hint)
    every = weekly_of(fields["every"], f"{key}.every", problems) if "every" in fields else None
    propose = weekly_of(fields["propose"], f"{key}.propose", problems) if "propose" in fields else None
    length = duration_of(fields["for"], f"{key}.for", problems) if "for" in fields else None
    cutoff = duration_of(fields["cutoff"], f"{key}.cutoff", problems) if "cutoff" in fields else None
    if length is not None and not 0 < length < MINUTES_OF_WEEK * 60:
        problems.add(fields["for"], f"{key}.for", "a window is open for a while, under a week", "for: 4h")
    elif length is not None and cutoff is not None and cutoff >= length:
        what = "nothing could ever start: the cutoff is no shorter than the window"
        problems.add(fields["cutoff"], f"{key}.cutoff", what, "such as for: 4h, cutoff: 45m")
    if every is not None and propose == every:
        what = "the lock would be resolved when the window opens, and nothing could be tried before"
        problems.add(fields["propose"], f"{key}.propose", what, "such as friday 03:00")
    if every is None or length is None:
        return None
    return UpgradeWindow(every=every, length_s=length, cutoff_s=cutoff or 0, propose=propose)


def _freezes(node: yaml.Node, zone: str | None, problems: Problems) -> tuple[Freeze, ...]:
    items = items_of(node, "calendar.freezes", problems)
    freezes = [_freeze(item, key, zone, problems) for key, item in items]
    return tuple(freeze for freeze in freezes if freeze is not None)


def _freeze(node: yaml.Node, key: str, zone: str | None, problems: Problems) -> Freeze | None:
    fields = fields_of(node, key, FREEZE_KEYS, problems)
    absent = [name for name in FREEZE_KEYS if name not in fields]
    if absent and isinstance(node, yaml.MappingNode):
        hint = "{from: 2027-01-20, until: 2027-01-29 13:00 AoE, reason: a deadline}"
        problems.add(node, key, f"a freeze must say: {', '.join(absent)}", hint)
    start = civil_of(fields["from"], f"{key}.from", problems) if "from" in fields else None
    until = civil_of(fields["until"], f"{key}.until", problems) if "until" in fields else None
    reason = words_of(fields["reason"], f"{key}.reason", problems) if "reason" in fields else None
    if start is not None and until is not None and _ends_before(start, until, zone):
        problems.add(fields["until"], f"{key}.until", "the freeze ends before it begins", "look at the years")
    if start is None or until is None or reason is None:
        return None
    return Freeze(start=start, until=until, reason=reason)


def _ends_before(start: CivilTime, until: CivilTime, zone: str | None) -> bool:
    """Whether a freeze certainly has no moment; in a machine's own zone not every pair can be told apart."""
    end = until.clock + timedelta(days=1) if until.is_day else until.clock
    start_zone, end_zone = start.zone or zone, until.zone or zone
    if start_zone == end_zone:
        return end <= start.clock
    return _instants(end, end_zone)[1] <= _instants(start.clock, start_zone)[0]


def _instants(clock: datetime, zone: str | None) -> tuple[datetime, datetime]:
    """The first and the last instant at which a clock can show this."""
    known = zone_of(zone) if zone is not None else None
    if known is None:
        utc = clock.replace(tzinfo=timezone.utc)
        return utc - _EARLIEST, utc + _LATEST
    instant = clock.replace(tzinfo=known).astimezone(timezone.utc)
    return instant, instant


def _minute_of_week(time: WeeklyTime) -> int:
    return WEEKDAYS.index(time.weekday) * 24 * 60 + time.minute
