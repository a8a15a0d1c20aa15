"""A place that hangs costs one scan: it is named, left out for a while, and asked again."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from envguard.agent.hangs import AVOIDED_FOR, places_to_avoid, remember_hang
from envguard.agent.scanner import ScanHungError, scan_in_child
from envguard.agent.sync import look
from envguard.domain.binding import BoundScan
from envguard.state import State, open_state
from tests.builders.environments import install, make_venv

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)


@pytest.fixture
def state(tmp_path: Path) -> State:
    return open_state(tmp_path / "state")


def test_a_place_is_avoided_for_an_hour_and_no_longer(state: State) -> None:
    remember_hang(state, "/mnt/a", now=NOW)
    remember_hang(state, "/mnt/b", now=NOW + timedelta(minutes=30))
    assert places_to_avoid(state, now=NOW + timedelta(minutes=40)) == {"/mnt/a", "/mnt/b"}
    assert places_to_avoid(state, now=NOW + AVOIDED_FOR) == {"/mnt/b"}
    assert places_to_avoid(state, now=NOW - timedelta(minutes=1)) == set(), "a wrong clock"


def test_a_name_that_is_no_text_is_kept(state: State) -> None:
    place = os.fsdecode(b"/mnt/\xff")
    remember_hang(state, place, now=NOW)
    assert places_to_avoid(state, now=NOW) == {place}


def test_what_is_kept_and_broken_avoids_nothing(state: State) -> None:
    (state.path / "hangs.json").write_text("{")
    assert places_to_avoid(state, now=NOW) == set()


def a_child(*places: str) -> list[str]:
    """A child that tells where it looks, and then hangs; it is given the descriptor by its number."""
    told = "".join(f"{place}\\0" for place in places)
    code = f"import os, time\nfor fd in range(3, 20):\n try: os.write(fd, b'{told}')\n except OSError: pass\n"
    return [sys.executable, "-c", code + "time.sleep(60)"]


@pytest.mark.parametrize(
    ("places", "place"), [(["/home", "/mnt/x"], "/mnt/x"), ([], None), (["/home", ""], None)], ids=str
)
def test_the_place_is_the_last_that_was_told(places: list[str], place: str | None, state: State) -> None:
    began = time.monotonic()
    with pytest.raises(ScanHungError) as caught:
        scan_in_child(state.path, command=a_child(*places), limit_s=1.0)
    assert caught.value.place == place
    hint = caught.value.hint or ""
    assert ("left out for an hour" in hint, hint == "envguard scan -v") == (place is not None, place is None)
    assert time.monotonic() - began < 10


def test_the_next_look_leaves_out_where_the_last_one_hung(state: State, tmp_path: Path) -> None:
    for name in ("one", "two"):
        install(make_venv(Path(sys.executable), tmp_path / "roots" / name / ".venv"), gym="0.26.2")

    def hang(folder: Path, roots: tuple[str, ...], beat: object) -> BoundScan:
        return scan_in_child(folder, command=a_child(str(tmp_path / "roots" / "one")), limit_s=1.0)

    roots = (str(tmp_path / "roots"),)
    seen = look(state, roots, scan=hang)
    assert seen.scan.is_incomplete
    assert seen.error is not None
    assert f"{tmp_path}/roots/one: the scan hung" in seen.error
    after = look(state, roots).scan
    assert [each.record.path for each in after.environments] == [f"{tmp_path}/roots/two/.venv"]
    assert [(each.path, each.reason) for each in after.unread] == [
        (f"{tmp_path}/roots/one", "an earlier look hung here")
    ]
