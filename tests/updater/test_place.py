"""A folder is claimed by one at a time, and is whole or not there."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from pathlib import Path

import pytest

from envguard.errors import StateError, UsageError
from envguard.updater.place import UNFINISHED, claim


def test_a_finished_folder_has_what_was_made_and_nothing_else(tmp_path: Path) -> None:
    place = claim(str(tmp_path / "a" / "b"))
    assert stat.S_IMODE(Path(place.work).stat().st_mode) == 0o700, "passwords may lie there"
    (tmp_path / "a" / "b" / "made").write_text("")
    place.finish()
    assert [each.name for each in (tmp_path / "a" / "b").iterdir()] == ["made"]


def test_a_cleared_folder_is_gone_with_those_above_that_were_made_for_it(tmp_path: Path) -> None:
    place = claim(str(tmp_path / "a" / "b"))
    (tmp_path / "a" / "b" / "bin").mkdir()
    (tmp_path / "a" / "b" / "link").symlink_to(tmp_path)
    place.clear()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_that_was_there_stays_empty(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    place = claim(str(tmp_path / "b"))
    (tmp_path / "b" / "file").write_text("")
    place.clear()
    assert list((tmp_path / "b").iterdir()) == []


@pytest.mark.parametrize("name", ["file", ".hidden", "link"])
def test_what_is_not_empty_is_refused_and_kept(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / name).symlink_to("nowhere") if name == "link" else (folder / name).write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        claim(str(folder))
    assert [each.name for each in folder.iterdir()] == [name]


def test_a_link_to_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "b").symlink_to("real")
    with pytest.raises(UsageError, match="no folder"):
        claim(str(tmp_path / "b"))


def test_one_that_is_at_work_keeps_others_away(tmp_path: Path) -> None:
    place = claim(str(tmp_path / "b"))
    with pytest.raises(StateError, match="somebody is making"):
        claim(str(tmp_path / "b"))
    place.finish()


def test_what_was_left_unfinished_is_swept(tmp_path: Path) -> None:
    left = claim(str(tmp_path / "b"))
    (tmp_path / "b" / "bin").mkdir()
    (tmp_path / "b" / "bin" / "python").write_text("half")
    os.close(left.lock)  # as the system does when a process is killed
    place = claim(str(tmp_path / "b"))
    assert place.was_swept
    assert [each.name for each in (tmp_path / "b").iterdir()] == [UNFINISHED]
    place.clear()
    assert not (tmp_path / "b").exists()


def test_what_only_looks_unfinished_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine").write_text("")
    (tmp_path / "b" / UNFINISHED).symlink_to(tmp_path / "other")
    with pytest.raises(UsageError, match="not of your making"):
        claim(str(tmp_path / "b"))
    assert (tmp_path / "b" / "mine").exists()


def test_what_cannot_be_removed_stays_unfinished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = claim(str(tmp_path / "b"))
    (tmp_path / "b" / "bin").mkdir()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(shutil, "rmtree", refuse)
    place.clear()
    monkeypatch.undo()
    assert {each.name for each in (tmp_path / "b").iterdir()} == {"bin", UNFINISHED}
    claim(str(tmp_path / "b")).clear()
    assert not (tmp_path / "b").exists()


def test_a_link_in_what_is_swept_leads_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("")
    left = claim(str(tmp_path / "b"))
    (tmp_path / "b" / "link").symlink_to(tmp_path / "mine")
    os.close(left.lock)
    claim(str(tmp_path / "b")).clear()
    assert (tmp_path / "mine" / "file").exists()


def test_a_folder_that_is_finished_meanwhile_is_not_taken_for_an_unfinished_one(tmp_path: Path) -> None:
    place = claim(str(tmp_path / "b"))
    shutil.rmtree(place.work)
    (tmp_path / "b" / "made").write_text("")
    with pytest.raises(UsageError, match="not empty"):
        claim(str(tmp_path / "b"))
    os.close(place.lock)


def test_one_that_is_finished_between_the_look_and_the_lock_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, flock = claim(str(tmp_path / "b")), fcntl.flock
    (tmp_path / "b" / "made").write_text("")

    def finish_before(descriptor: int, operation: int) -> None:
        monkeypatch.undo()
        place.finish()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", finish_before)
    with pytest.raises(StateError, match="somebody is making"):
        claim(str(tmp_path / "b"))
    assert [each.name for each in (tmp_path / "b").iterdir()] == ["made"]


def test_what_another_user_left_unfinished_is_not_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, own = claim(str(tmp_path / "b")), os.geteuid()
    (tmp_path / "b" / "half").write_text("")
    os.close(left.lock)
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    with pytest.raises(UsageError, match="not of your making"):
        claim(str(tmp_path / "b"))
    assert (tmp_path / "b" / "half").exists()
