"""What people type after ``--until``."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from envguard.errors import UsageError
from envguard.formats.until import parse_until

ZURICH = ZoneInfo("Europe/Zurich")
NOW = datetime(2026, 11, 24, 18, 30, tzinfo=ZURICH)
"""A Tuesday."""


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("today", "2026-11-24T22:59:59+00:00"),
        ("tomorrow", "2026-11-25T22:59:59+00:00"),
        ("fri", "2026-11-27T22:59:59+00:00"),
        ("Friday", "2026-11-27T22:59:59+00:00"),
        ("tue", "2026-12-01T22:59:59+00:00"),
        ("mon", "2026-11-30T22:59:59+00:00"),
        ("7d", "2026-12-01T17:30:00+00:00"),
        ("2w", "2026-12-08T17:30:00+00:00"),
        ("12h", "2026-11-25T05:30:00+00:00"),
        ("1d12h", "2026-11-26T05:30:00+00:00"),
        ("90m", "2026-11-24T19:00:00+00:00"),
        (" 2027-02-01 ", "2027-02-01T22:59:59+00:00"),
        ("2027-07-01", "2027-07-01T21:59:59+00:00"),
        ("2027-02-01 13:00", "2027-02-01T12:00:00+00:00"),
        ("2027-02-01T13:00:00Z", "2027-02-01T13:00:00+00:00"),
        ("2027-02-01t13:00:00.25+05:30", "2027-02-01T07:30:00+00:00"),
    ],
)
def test_an_end_is_read_as_people_mean_it(text: str, moment: str) -> None:
    assert parse_until(text, NOW).isoformat() == moment


@pytest.mark.parametrize(
    "text",
    [
        *("", "fr", "soon", "7", "d7", "7d!", "-7d", "1h2d", "9999999d", "\N{ARABIC-INDIC DIGIT SEVEN}d"),
        *("2027-02-30", "2027-13-01", "27-02-01", "1999-01-01", "7d\n7d", "fri\0"),
        *("2027-02-01T25:00:00Z", "2027-02-01T13:00:00+99:00"),
    ],
)
def test_what_is_no_end_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="not a time") as raised:
        parse_until(text, NOW)
    assert (raised.value.where, raised.value.exit_code) == ("--until", 2)
    assert "fri, tomorrow, 7d" in (raised.value.hint or "")


def test_the_nearest_word_is_named() -> None:
    with pytest.raises(UsageError) as raised:
        parse_until("firday", NOW)
    assert "did you mean `friday`?" in (raised.value.hint or "")


def test_a_day_ends_by_the_clock_that_is_in_force_then() -> None:
    before = datetime(2026, 10, 23, 12, 0, tzinfo=ZURICH)  # clocks go back on Sunday
    assert parse_until("sun", before) - parse_until("sat", before) == timedelta(hours=25)


def test_where_nobody_says_where_it_is_utc() -> None:
    assert parse_until("today", NOW.astimezone(timezone.utc)).hour == 23
