"""Whatever this process asks of a path is noted, by whichever way it asks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

WAYS = {
    "os.stat(path)": "followed",
    "type('Kept', (), {'look': os.stat})().look(path)": "followed",
    "os.lstat(path)": "links",
    "os.access(path, os.R_OK)": "followed",
    "os.readlink(path)": "links",
    "open(path)": "followed",
    "os.close(os.open(path, os.O_RDONLY))": "followed",
    "Path(path).read_text()": "followed",
    "Path(path).is_file()": "followed",
    "os.path.exists(path)": "followed",
    "os.path.lexists(path)": "links",
    "os.path.islink(path)": "links",
    "os.path.realpath(path)": "links",
    "os.listdir(path)": "listed",
    "list(os.scandir(path))": "listed",
    "list(Path(path).glob('*'))": "listed",
    "list(Path(path).iterdir())": "listed",
}
PROGRAM = """
import json, os, sys
from contextlib import suppress
from envguard.cli.witness import Witness
witness = Witness({besides!r})
witness.begin()
from pathlib import Path
path = {path!r}
with suppress(OSError):
    {way}
witness.end()
notes = witness.notes()
print(json.dumps(notes and [notes.followed, notes.links, notes.listed]))
"""


def noted(way: str, path: str, *besides: str) -> dict[str, dict[str, list[int]]] | None:
    """What was noted of a way of asking, in a process of its own: an audit hook stays."""
    program = PROGRAM.format(way=way, path=path, besides=besides)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True
    )
    told = json.loads(done.stdout)
    return told and dict(zip(("followed", "links", "listed"), told, strict=True))


@pytest.mark.parametrize(("way", "where"), WAYS.items())
def test_each_way_of_asking_is_noted(way: str, where: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    path = tmp_path / ("folder" if where == "listed" else "file")
    notes = noted(way, str(path))
    status = path.stat()
    assert notes is not None
    assert notes[where][str(path)] == [status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]


@pytest.mark.parametrize(("way", "where"), WAYS.items())
def test_what_is_absent_is_noted(way: str, where: str, tmp_path: Path) -> None:
    notes = noted(way, str(tmp_path / "absent"))
    assert notes is not None
    assert notes["followed" if where == "listed" else where][str(tmp_path / "absent")] == [0, 0, 2, 0]


def test_a_folder_that_was_passed_through_may_change_inside(tmp_path: Path) -> None:
    notes = noted("os.stat(path)", str(tmp_path))
    status = tmp_path.stat()
    assert notes is not None
    assert notes["followed"][str(tmp_path)] == [
        status.st_dev,
        status.st_ino,
        status.st_mode,
        status.st_uid,
    ]


@pytest.mark.parametrize(
    "way",
    [
        "os.stat('x', dir_fd=os.open(path, os.O_RDONLY))",
        "os.listdir(os.open(path, os.O_RDONLY))",
        "os.stat(b'x')",
    ],
)
def test_what_cannot_be_noted_keeps_nothing(way: str, tmp_path: Path) -> None:
    assert noted(way, str(tmp_path)) is None


def test_its_own_files_and_the_kernels_are_not_noted(tmp_path: Path) -> None:
    for way, path in (("os.stat(path)", tmp_path / "cache" / "x"), ("open(path)", Path("/proc/self/stat"))):
        notes = noted(way, str(path), str(tmp_path / "cache"))
        assert notes is not None
        assert notes["followed"] == {}
