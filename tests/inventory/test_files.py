from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from envguard.inventory import read_environment
from envguard.inventory.files import Reader, reader_for, shown
from tests.builders.environments import make_venv, site_packages, write_dist_info
from tests.inventory.asking import python_or_skip

NOBODY = 65534


@pytest.fixture
def open_env(open_folder: Path) -> Path:
    """Give an environment that every user can reach."""
    folder = make_venv(python_or_skip("3.11"), open_folder / "env")
    read_environment(folder)
    return folder


@pytest.mark.parametrize(
    "make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to(path)], ids=["fifo", "folder", "loop"]
)
def test_metadata_that_is_no_file_is_unreadable_and_does_not_hang(
    make: Callable[[Path], None], env: Path
) -> None:
    dist_info = write_dist_info(site_packages(env), "gym", "1")
    (dist_info / "METADATA").unlink()
    make(dist_info / "METADATA")
    snapshot = read_environment(env).snapshot
    assert [package.name for package in snapshot.packages] == ["gym"]
    assert [problem.kind for problem in snapshot.problems] == ["unreadable"]


def test_a_device_is_not_read() -> None:
    with pytest.raises(OSError, match="not a regular file"):
        Reader(0).read("/dev/zero", cap_bytes=10)


def test_a_file_over_the_cap_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(3_000_000_000)
    with pytest.raises(OSError, match="longer than"):
        Reader(os.getuid()).read(str(path), cap_bytes=100)


def test_metadata_that_is_a_link_out_of_the_tree_is_read(env: Path, tmp_path: Path) -> None:
    cached = tmp_path / "cache" / "METADATA"
    cached.parent.mkdir()
    dist_info = write_dist_info(site_packages(env), "gym", "1")
    (dist_info / "METADATA").rename(cached)
    (dist_info / "METADATA").symlink_to(cached)
    assert read_environment(env).snapshot.problems == ()


def test_metadata_closed_to_the_reader_is_unreadable(open_env: Path, as_somebody: Callable[[], None]) -> None:
    (write_dist_info(site_packages(open_env), "gym", "1") / "METADATA").chmod(0)
    as_somebody()
    snapshot = read_environment(open_env).snapshot
    assert [(package.name, package.version) for package in snapshot.packages] == [("gym", "1")]
    assert ("unreadable", "gym") in {(problem.kind, problem.package) for problem in snapshot.problems}


def test_a_closed_site_packages_is_unreadable_not_empty(
    open_env: Path, as_somebody: Callable[[], None]
) -> None:
    site = site_packages(open_env)
    site.chmod(0)
    as_somebody()
    assert "unreadable" in [problem.kind for problem in read_environment(open_env).snapshot.problems]


def test_a_closed_library_folder_is_unreadable_not_empty(
    open_env: Path, as_somebody: Callable[[], None]
) -> None:
    site_packages(open_env).parent.chmod(0)
    as_somebody()
    assert "unreadable" in [problem.kind for problem in read_environment(open_env).snapshot.problems]


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser reads for others")
@pytest.mark.parametrize(
    ("owner", "mode", "may"), [(NOBODY, 0o400, True), (NOBODY, 0, False), (0, 0o600, False), (0, 0o644, True)]
)
def test_the_superuser_reads_what_the_owner_could(
    owner: int, mode: int, may: bool, open_folder: Path
) -> None:
    path = open_folder / "METADATA"
    path.write_text("x")
    path.chmod(mode)
    os.chown(path, owner, -1)
    reader = Reader(NOBODY)
    if may:
        assert reader.read(str(path), cap_bytes=10) == b"x"
    else:
        with pytest.raises(PermissionError):
            reader.read(str(path), cap_bytes=10)


def test_the_reader_of_a_folder_acts_for_its_owner(tmp_path: Path) -> None:
    assert reader_for(str(tmp_path)).uid == tmp_path.stat().st_uid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain é", "plain é"),
        ("a\nb", "a\\x0ab"),
        ("\x1b[31m", "\\x1b[31m"),
        (os.fsdecode(b"\xff"), "\\xff"),
        ("\u202e", "\\xe2\\x80\\xae"),
        ("\ud800", "\\xed\\xa0\\x80"),
    ],
    ids=["printable", "newline", "escape", "no UTF-8", "bidirectional", "half"],
)
def test_text_for_people_is_escaped(text: str, expected: str) -> None:
    assert shown(text) == expected
