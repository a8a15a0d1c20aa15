"""Notes hold as long as every file is as it was; what is not understood never holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envguard.agent.notes import Noting, do_notes_hold, for_readers, read_notes
from envguard.formats.verdict_lines import field, line
from envguard.state.runtime import verdict_file_name
from tests.builders.documents import a_record


def a_note(path: Path, place: str) -> bytes:
    status = path.stat()
    numbers = f"{status.st_dev}\t{status.st_ino}\t{status.st_mtime_ns}\t{status.st_ctime_ns}"
    return f"is\t{numbers}\t{field(place)}\n".encode("utf-8", "surrogateescape")


def of_folder(folder: Path | str) -> bytes:
    return f"{line('in', str(folder))}\n".encode("utf-8", "surrogateescape")


ABSENT = b"is\t0\t0\t0\t0\t"


@pytest.mark.parametrize("name", ["plain", "a\tb\\n\nc", os.fsdecode(b"\xff")], ids=ascii)
def test_a_file_is_found_by_any_name_from_its_folder_and_by_its_whole_path(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    (folder / name).write_text("")
    whole = a_note(folder / name, str(folder / name))
    notes = of_folder(folder) + a_note(folder / name, name) + of_folder("") + whole
    assert do_notes_hold(notes)
    (folder / name).write_text("more")
    assert not do_notes_hold(notes)
    assert not do_notes_hold(of_folder("") + whole)


def test_what_was_absent_must_be_absent(tmp_path: Path) -> None:
    notes = (
        of_folder(tmp_path / "f") + ABSENT + b"x\n" + of_folder("") + ABSENT + bytes(tmp_path / "y") + b"\n"
    )
    assert do_notes_hold(notes)
    (tmp_path / "f").mkdir()
    assert do_notes_hold(notes)
    (tmp_path / "f" / "x").write_text("")
    assert not do_notes_hold(notes)
    (tmp_path / "f" / "x").unlink()
    (tmp_path / "y").symlink_to("nowhere")
    assert do_notes_hold(notes)
    (tmp_path / "nowhere").write_text("")
    assert not do_notes_hold(notes)


@pytest.mark.parametrize(
    "notes",
    [
        b"is\n",
        b"is\t0\t0\t0\n",
        b"is\tx\t0\t0\t0\t/absent\n",
        b"is\t0\t0\t0\t0\t/absent\\\n",
        b"in\t\\x\n",
        b"in\t/\0\n",
        b"in\n",
        b"is\t1\t2\t3\t4\t/\0\n",
    ],
)
def test_what_is_not_understood_does_not_hold(notes: bytes) -> None:
    assert not do_notes_hold(notes)


@pytest.mark.parametrize(
    "content", [None, b"", b"name", b"other\nis\n"], ids=["absent", "empty", "cut off", "of another look"]
)
def test_only_notes_of_the_name_are_read(content: bytes | None, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    if content is not None:
        (tmp_path / "notes" / verdict_file_name("/env")).write_bytes(content)
    assert read_notes(tmp_path, "/env", "name") is None


def test_the_first_mark_of_a_path_counts_and_a_new_one_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    now_s = (tmp_path / "a").stat().st_ctime
    record = a_record("/env")
    noting = Noting(clock=lambda: now_s + 5)
    noting.note(record, str(tmp_path / "a"))
    marks = noting.marks_for("/env")
    (tmp_path / "a").write_text("changed")
    noting.note(record, str(tmp_path / "a"))
    assert noting.marks_for("/env") == marks
    assert noting.marks_for("/other") == {}
    early = Noting(clock=lambda: now_s + 0.5)
    early.note(record, str(tmp_path / "a"))
    assert early.marks_for("/env") is None


@pytest.mark.parametrize("path", [os.fsdecode(b"/\xff"), "/a\0b"], ids=ascii)
def test_what_no_reader_could_ask_for_is_not_trusted(path: str) -> None:
    noting = Noting()
    noting.note(a_record("/env"), path)
    assert noting.marks_for("/env") is None


def test_readers_are_asked_for_one_file_of_each_package() -> None:
    one, gone = b"is\t1\t2\t3\t4\t", b"is\t0\t0\t0\t0\t"
    kept = [
        b"in\t/env/lib/old.dist-info\n",
        one + b"WHEEL\n",
        b"in\t\n",
        one + b"/home/ann/env.dist-info\n",
        b"in\t/env/site-packages\n",
        one + b"gym-0.26.2.dist-info/METADATA\n",
        one + b"gym-0.26.2.dist-info/direct_url.json\n",
        one + b"distutils-precedence.pth\n",
    ]
    left = [
        one + b"gym-0.26.2.dist-info\n",
        gone + b"gym-0.26.2.dist-info/INSTALLER\n",
        one + b"gym-0.26.2.dist-info/WHEEL\n",
    ]
    assert for_readers(b"".join([*kept, *left, *kept])) == b"".join([*kept, *kept])
