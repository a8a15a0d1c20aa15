"""What holds for every text after ``--until``."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from envguard.errors import UsageError
from envguard.formats.until import parse_until

WORDS = ["mon", "tues", "wednesday", "thu", "fri", "sat", "sun"]
zones = st.sampled_from([timezone.utc, ZoneInfo("Europe/Zurich"), ZoneInfo("America/New_York")])
nows = st.builds(
    lambda naive, zone: naive.replace(tzinfo=zone),
    st.datetimes(datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2190-01-01")),
    zones,
)
pieces = st.sampled_from(
    [*WORDS, "7", "d", "w", "h", "m", "2027-02-01", "T", "13:00", ":00", "Z", "+02:00", " "]
)


@given(st.text(max_size=30) | st.lists(pieces, max_size=5).map("".join), nows)
def test_no_text_gives_anything_but_a_moment_in_utc_or_wrong_usage(text: str, now: datetime) -> None:
    try:
        found = parse_until(text, now)
    except UsageError:
        return
    assert found.tzinfo is timezone.utc


@given(st.integers(0, 99), st.integers(0, 999), st.integers(0, 999), st.integers(0, 999), nows)
def test_a_span_is_as_long_as_it_says(weeks: int, days: int, hours: int, minutes: int, now: datetime) -> None:
    text = f"{weeks}w{days}d{hours}h{minutes}m"
    span = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)
    assert parse_until(text, now) - now.astimezone(timezone.utc) == span


@given(st.sampled_from(WORDS), nows)
def test_a_day_of_the_week_is_one_of_the_next_seven_to_its_end(word: str, now: datetime) -> None:
    found = parse_until(word, now).astimezone(now.tzinfo)
    assert found.strftime("%A").lower().startswith(word)
    assert 1 <= (found.date() - now.date()).days <= 7
    assert (found.hour, found.minute, found.second) == (23, 59, 59)


@given(nows, nows)
def test_a_moment_means_itself_wherever_it_is_typed(moment: datetime, now: datetime) -> None:
    asked = moment.astimezone(timezone.utc).replace(microsecond=0)
    assert parse_until(asked.isoformat(), now) == asked
