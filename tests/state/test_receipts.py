"""Where receipts are kept, and what is never followed or overwritten."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from pathlib import Path

import pytest

from envguard.errors import StateError, UsageError
from envguard.state.receipts import (
    beside,
    named_folder,
    new_folder,
    newest_first,
    project_folder,
    read_receipt,
    write_receipt,
)

AT = datetime(2026, 11, 25, 9, 5, 4, 7000, tzinfo=timezone.utc)


@pytest.mark.parametrize("mark", [".envguard.yaml", "pyproject.toml", ".git"])
def test_the_project_is_the_nearest_folder_that_says_so(tmp_path: Path, mark: str) -> None:
    (tmp_path / mark).touch()
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert project_folder(str(inner)) == str(tmp_path)


def test_without_a_project_it_is_the_folder_itself_and_a_home_is_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "a"
    inner.mkdir()
    assert project_folder(str(inner)) == str(inner)


def test_runs_are_in_the_order_of_their_times(tmp_path: Path) -> None:
    later = new_folder(str(tmp_path), AT.replace(microsecond=8000))
    first = new_folder(str(tmp_path), AT)
    assert Path(first).name.startswith("2026-11-25T090504.007-")
    assert list(newest_first(str(tmp_path))) == [later, first]
    os.utime(first, ns=(1 << 62, 1 << 62))
    assert list(beside(str(tmp_path / ".envguard" / "runs" / "other"))) == [first, later]


def test_git_ignores_all_of_it_and_what_somebody_wrote_stays(tmp_path: Path) -> None:
    new_folder(str(tmp_path), AT)
    ignored = tmp_path / ".envguard" / ".gitignore"
    assert (ignored.read_text(), ignored.stat().st_mode & 0o777) == ("*\n", 0o644)
    ignored.write_text("runs\n")
    new_folder(str(tmp_path), AT)
    assert ignored.read_text() == "runs\n"


@pytest.mark.parametrize("place", [".envguard", ".envguard/runs"])
def test_a_link_in_the_way_is_not_followed(tmp_path: Path, place: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / place
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(StateError, match="no receipt can be written"):
        new_folder(str(tmp_path), AT)
    assert list(elsewhere.iterdir()) == []


def test_a_named_folder_is_taken_once(tmp_path: Path) -> None:
    folder = named_folder(str(tmp_path / "runs" / "41"))
    write_receipt(folder, b"{}")
    assert read_receipt(folder) == b"{}"
    with pytest.raises(UsageError):
        named_folder(folder)
    (tmp_path / "file").touch()
    with pytest.raises(StateError):
        named_folder(str(tmp_path / "file"))


def test_a_receipt_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write_receipt(str(tmp_path), b"one")
    write_receipt(str(tmp_path), b"two")
    assert [path.name for path in tmp_path.iterdir()] == ["receipt.json"]
    assert (tmp_path / "receipt.json").stat().st_mode & 0o777 == 0o600


def test_what_is_no_file_is_no_receipt(tmp_path: Path) -> None:
    assert read_receipt(str(tmp_path)) is None
    os.mkfifo(tmp_path / "receipt.json")
    with pytest.raises(StateError):
        read_receipt(str(tmp_path))
    (tmp_path / "receipt.json").unlink()
    (tmp_path / "receipt.json").symlink_to("/etc/passwd")
    with pytest.raises(StateError):
        read_receipt(str(tmp_path))
