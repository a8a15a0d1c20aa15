"""The lease of an environment: shared by all who run in it, gone with each of them."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from envguard.runs.lease import NAME, take_lease


def is_free(folder: Path) -> bool:
    with (folder / NAME).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_several_hold_it_and_it_ends_with_the_last(tmp_path: Path) -> None:
    first, second = take_lease(str(tmp_path)), take_lease(str(tmp_path))
    assert first is not None
    assert second is not None
    assert not os.get_inheritable(first)
    os.close(first)
    assert not is_free(tmp_path)
    os.close(second)
    assert is_free(tmp_path)


def test_what_takes_its_holder_s_place_goes_on_holding_it(tmp_path: Path) -> None:
    lease = take_lease(str(tmp_path), is_inherited=True)
    assert lease is not None
    assert os.get_inheritable(lease)
    os.close(lease)


def test_there_is_none_where_none_can_be_had(tmp_path: Path) -> None:
    assert take_lease(str(tmp_path / "absent")) is None
    outside = tmp_path / "outside"
    (tmp_path / NAME).symlink_to(outside)
    assert take_lease(str(tmp_path)) is None
    assert not outside.exists()


def test_nobody_waits_for_who_holds_it_alone(tmp_path: Path) -> None:
    with (tmp_path / NAME).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert take_lease(str(tmp_path)) is None


def test_a_file_that_is_there_already_keeps_its_content(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text("somebody's")
    lease = take_lease(str(tmp_path))
    assert lease is not None
    os.close(lease)
    assert (tmp_path / NAME).read_text() == "somebody's"
