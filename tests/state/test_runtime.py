"""Where the runtime folder is, what its files are called, and how they are written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from envguard.errors import StateError
from envguard.state.runtime import (
    open_folder,
    remove_others,
    replace_file,
    runtime_directory,
    verdict_file_name,
)


@pytest.mark.parametrize(
    ("environ", "uid", "place"),
    [
        ({"RUNTIME_DIRECTORY": "/run/envguard:/run/b", "XDG_RUNTIME_DIR": "/x"}, 0, "/run/envguard"),
        ({"RUNTIME_DIRECTORY": "", "XDG_RUNTIME_DIR": "/run/user/7"}, 7, "/run/user/7/envguard"),
        ({"XDG_RUNTIME_DIR": "/run/user/0"}, 0, "/run/user/0/envguard"),
        ({}, 0, "/run/envguard"),
        ({"XDG_RUNTIME_DIR": ""}, 7, None),
    ],
    ids=["systemd", "user", "root with a session", "root", "nowhere"],
)
def test_the_place_is_systemds_else_the_users_else_the_systems(
    environ: dict[str, str], uid: int, place: str | None
) -> None:
    assert runtime_directory(environ, uid=uid) == (None if place is None else Path(place))


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ("/home/ann/rl/.venv", "_home_ann_rl_.venv-87377fea"),
        ("/", "_-79d3d2d4"),
        ("/é b\n_-.Z9", "___b__-.Z9-24312ed1"),
        ("/" + "a" * 90, "a" * 80 + "-"),
    ],
)
def test_a_file_is_called_by_the_end_of_the_path_and_its_checksum(environment: str, name: str) -> None:
    found = verdict_file_name(environment)
    assert found.startswith(name)
    assert found.rpartition("-")[2] == f"{_crc32(os.fsencode(environment)):08x}"


def test_a_path_that_is_no_text_has_a_name() -> None:
    assert verdict_file_name(os.fsdecode(b"/\xff")) == f"__-{_crc32(b'/' + bytes([255])):08x}"


def _crc32(content: bytes) -> int:
    """Bit by bit, as it is defined (ISO 3309)."""
    register = 0xFFFFFFFF
    for byte in content:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xEDB88320 if register & 1 else 0)
    return register ^ 0xFFFFFFFF


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    with open_folder(tmp_path / "f", mode=0o700) as descriptor:
        yield descriptor


def test_a_folder_is_made_with_its_mode_whatever_the_mask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        with open_folder(tmp_path / "f", mode=0o755):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_may_write_to_is_refused(mode: int, tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f").chmod(mode)
    with (
        pytest.raises(StateError, match="open to the writing of others"),
        open_folder(tmp_path / "f", mode=0o700),
    ):
        pass


def test_a_link_is_refused_and_a_folder_above_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "f").symlink_to(tmp_path)
    for path in (tmp_path / "f", tmp_path / "absent" / "g"):
        with pytest.raises(StateError, match="cannot be used"), open_folder(path, mode=0o700):
            pass


def test_a_file_is_replaced_as_a_whole_with_its_mode(folder: int, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        replace_file(folder, "a", b"1", mode=0o644, owner=os.geteuid())
    finally:
        os.umask(before)
    first = (tmp_path / "f" / "a").stat()
    replace_file(folder, "a", b"2")
    second = (tmp_path / "f" / "a").stat()
    assert (first.st_mode & 0o777, second.st_mode & 0o777) == (0o644, 0o600)
    assert first.st_ino != second.st_ino
    assert [path.name for path in (tmp_path / "f").iterdir()] == ["a"]


def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(folder: int, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("theirs")
    for name in ("a", f".a.{os.getpid()}"):
        (tmp_path / "f" / name).symlink_to(tmp_path / "other")
    replace_file(folder, "a", b"ours")
    assert (tmp_path / "other").read_text() == "theirs"
    assert not (tmp_path / "f" / "a").is_symlink()


def test_what_cannot_be_written_leaves_the_old_and_nothing_beside(folder: int, tmp_path: Path) -> None:
    (tmp_path / "f" / "a").mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(folder, "a", b"new")
    assert [path.name for path in (tmp_path / "f").iterdir()] == ["a"]


def test_all_but_the_wanted_are_removed(folder: int, tmp_path: Path) -> None:
    for name in ("a", "b", ".a.1"):
        replace_file(folder, name, b"")
    remove_others(folder, frozenset({"a"}))
    assert [path.name for path in (tmp_path / "f").iterdir()] == ["a"]
