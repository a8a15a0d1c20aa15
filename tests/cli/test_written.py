"""Files of a project are written all or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from envguard.cli.written import WrittenFile, write_all
from envguard.errors import StateError, UsageError


def test_new_and_changed_files_are_written(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("old\r\n")
    (tmp_path / "a.toml").chmod(0o640)
    (tmp_path / "link.toml").symlink_to("a.toml")
    changed = WrittenFile(path=tmp_path / "link.toml", text="new\r\n", before="old\r\n")
    write_all([changed, WrittenFile(path=tmp_path / "b", text="b\n")])
    assert (tmp_path / "a.toml").read_bytes() == b"new\r\n"
    assert (tmp_path / "link.toml").is_symlink()
    assert (tmp_path / "a.toml").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "b").read_text() == "b\n"


def test_what_was_changed_meanwhile_is_left_alone_and_all_else_undone(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("somebody else's\n")
    (tmp_path / "b.toml").write_text("old\n")
    files = [
        WrittenFile(path=tmp_path / "new", text="new\n"),
        WrittenFile(path=tmp_path / "b.toml", text="new\n", before="old\n"),
        WrittenFile(path=tmp_path / "a.toml", text="new\n", before="old\n"),
    ]
    with pytest.raises(StateError, match="changed meanwhile"):
        write_all(files)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "a.toml": "somebody else's\n",
        "b.toml": "old\n",
    }


def test_a_place_that_is_taken_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "b").symlink_to("nowhere")
    with pytest.raises(UsageError, match="there is such a file already"):
        write_all([WrittenFile(path=tmp_path / name, text="x") for name in ("a", "b")])
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be written"):
        write_all([WrittenFile(path=tmp_path / "gone" / "a", text="x")])
