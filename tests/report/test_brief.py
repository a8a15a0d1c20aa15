"""What is printed without the library that lays out is what the library would print."""

from __future__ import annotations

from datetime import datetime, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from envguard.domain.remedy import Install
from envguard.domain.verdict import Pending, Verdict
from envguard.report.brief import brief_verdict, verdict_line
from envguard.report.terminal import show_verdict
from tests.builders.documents import a_snapshot, an_environment
from tests.report.arranging import HERE, WAIVED, a_finding, a_verdict, an_unlisted, printed

VENV = an_environment(a_snapshot(gym="0.25.2", numpy="1.26.4"))
GYM = a_finding(remedy=Install("gym==0.26.2"))


@pytest.mark.parametrize(
    ("verdict", "line"),
    [
        pytest.param(a_verdict(), "compliant with `rl-team`", id="compliant"),
        pytest.param(a_verdict(GYM, revision=8), "drifted from `rl-team` r8: 1 error", id="a revision"),
        pytest.param(
            a_verdict(GYM, GYM, an_unlisted("ipdb")),
            "drifted from `rl-team`: 2 errors, 1 warning",
            id="counts",
        ),
        pytest.param(
            a_verdict(a_finding(waived=WAIVED), outcome="compliant"),
            "compliant with `rl-team`",
            id="what is waived does not count",
        ),
        pytest.param(a_verdict(outcome="unknown"), "unknown by `rl-team`", id="unknown"),
        pytest.param(a_verdict(outcome="unmanaged"), "unmanaged", id="no policy"),
    ],
)
def test_the_first_line_says_what_and_how_much(verdict: Verdict, line: str) -> None:
    assert verdict_line(verdict) == line


NAMES = st.text(alphabet="ab -/.é[]", min_size=1, max_size=60)


@given(path=NAMES, source=NAMES, width=st.integers(40, 120))
def test_what_is_printed_briefly_is_what_the_terminal_shows(path: str, source: str, width: int) -> None:
    verdict = a_verdict(environment=f"/{path}")
    brief = brief_verdict(verdict, VENV, chosen="active", source=source, here=HERE, width=width)
    whole = printed(
        lambda console: show_verdict(
            console, verdict, VENV, chosen="active", source=source, here=HERE, is_verbose=False
        ),
        width=width,
    )
    assert brief is None or f"{brief}\n" == whole


def test_what_has_something_to_tell_is_not_brief() -> None:
    pending = Pending(lock=42, until=datetime(2026, 12, 7, 2, 0, tzinfo=timezone.utc))
    waiting = msgspec.structs.replace(a_verdict(), pending=pending)
    for verdict in (a_verdict(GYM), a_verdict(outcome="unknown", reason="two apply"), waiting):
        assert brief_verdict(verdict, VENV, chosen="active", source="x", here=HERE, width=80) is None
