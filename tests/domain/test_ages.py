"""Ages are told in the largest unit that fits."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from envguard.domain.ages import age_text

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (timedelta(seconds=-90), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=47, minutes=59), "47 h ago"),
        (timedelta(days=2), "2 days ago"),
        (timedelta(days=400), "400 days ago"),
    ],
    ids=str,
)
def test_an_age_is_told_in_one_unit(age: timedelta, text: str) -> None:
    assert age_text(NOW - age, NOW) == text
