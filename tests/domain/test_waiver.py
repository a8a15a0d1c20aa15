"""What a waiver is for, and when one may end."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from envguard.domain.binding import names_environment, pattern_of_path
from envguard.domain.policy import Waiver
from envguard.domain.waiver import LONGEST_S, acquits, wrong_end
from tests.builders.documents import a_record

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)
LONGEST = timedelta(seconds=LONGEST_S)


def test_a_waiver_for_an_environment_is_not_for_a_lock_that_nobody_installed() -> None:
    waiver = Waiver(package="gym", until=NOW + LONGEST, reason="r", approved_by="lead", environment="/srv/**")
    record = a_record(path="/srv/rl/.venv")
    assert acquits(waiver, "missing", "gym", machine="ws-7", record=record, now=NOW)
    assert not acquits(waiver, "missing", "gym", machine="ws-7", record=None, now=NOW)


@pytest.mark.parametrize("path", ["/srv/rl/.venv", "/srv/a*b/.venv", "/srv/[ab]/e?", r"/srv/caf\xe9/.venv"])
def test_the_pattern_of_a_path_is_for_that_path_alone(path: str) -> None:
    pattern = pattern_of_path(path)
    assert names_environment(pattern, a_record(path=path))
    for other in ("/srv/aXb/.venv", "/srv/a/eX", "/srv/rl", f"{path}/lib"):
        assert not names_environment(pattern, a_record(path=other))


@pytest.mark.parametrize(
    ("until", "words"),
    [
        (NOW, "in the future"),
        (NOW - timedelta(days=1), "in the future"),
        (NOW + LONGEST + timedelta(seconds=1), "within 180 days"),
    ],
)
def test_a_waiver_ends_and_soon(until: datetime, words: str) -> None:
    assert words in (wrong_end(until, NOW) or "")


@pytest.mark.parametrize("until", [NOW + timedelta(seconds=1), NOW + LONGEST])
def test_an_end_within_the_longest_is_right(until: datetime) -> None:
    assert wrong_end(until, NOW) is None
