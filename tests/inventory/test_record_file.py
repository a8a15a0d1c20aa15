from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

import pytest

from envguard.inventory.files import Reader
from envguard.inventory.record_file import CAP_BYTES, RecordError, Row, parse_record, read_record

CONTENT = b"x = 1\n"


def hashed(algorithm: str, content: bytes = CONTENT) -> str:
    digest = hashlib.new(algorithm, content).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def a_row(place: str, algorithm: str = "sha256", size_bytes: int | None = 6) -> Row:
    return Row(place, algorithm, hashlib.new(algorithm, CONTENT).digest(), size_bytes)


def rows_of(path: Path) -> list[Row]:
    return list(read_record(Reader(os.geteuid()), str(path)))


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_hashes_of_the_standard_count(algorithm: str) -> None:
    assert list(parse_record([f"gym.py,{hashed(algorithm)},6\n"])) == [a_row("gym.py", algorithm)]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("gym-1.dist-info/RECORD,,", id="RECORD itself"),
        pytest.param("gym.py", id="only a path"),
        pytest.param(f"__pycache__/gym.cpython-311.pyc,{hashed('sha256')},6", id="bytecode"),
        pytest.param(f"gym.py,{hashed('md5')},6", id="an algorithm that the standard excludes"),
        pytest.param(f"gym.py,{hashed('sha3_256')},6", id="an algorithm that nobody writes"),
        pytest.param("gym.py,sha256=AAAA,6", id="too short for a digest"),
        pytest.param("gym.py,sha256=\u00e9,6", id="no base64"),
        pytest.param(f",{hashed('sha256')},6", id="no path"),
        pytest.param("", id="empty"),
    ],
)
def test_rows_that_prove_nothing_are_left_out(line: str) -> None:
    assert list(parse_record([line])) == []


@pytest.mark.parametrize("size", ["", "six", "-6", "6.0", "9" * 5000, "\u0666"])
def test_a_size_that_is_no_number_is_not_known_and_the_hash_counts(size: str) -> None:
    assert list(parse_record([f"gym.py,{hashed('sha256')},{size}"])) == [a_row("gym.py", size_bytes=None)]


def test_padded_standard_and_hexadecimal_digests_are_understood() -> None:
    digest = hashlib.sha256(CONTENT).digest()
    padded, plain = base64.urlsafe_b64encode(digest).decode(), base64.b64encode(digest).decode()
    lines = [f"a.py,sha256={text},6\n" for text in (padded, plain, digest.hex())]
    assert list(parse_record(lines)) == [a_row("a.py")] * 3


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "byte order mark"])
def test_quotes_commas_and_line_ends_in_names(start: bytes, ending: bytes, tmp_path: Path) -> None:
    names = [b'"a,b.py"', b'"say ""hi"".py"', b'"two\nlines.py"', b"\xe9.py", b"plain.py"]
    lines = [b"%s,%s,6%s" % (name, hashed("sha256").encode(), ending) for name in names]
    path = tmp_path / "RECORD"
    path.write_bytes(start + b"".join(lines))
    expected = ["a,b.py", 'say "hi".py', "two\nlines.py", "\udce9.py", "plain.py"]
    assert rows_of(path) == [a_row(name) for name in expected]


def test_a_record_over_the_cap_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "RECORD"
    with path.open("wb") as file:
        file.truncate(CAP_BYTES + 1)
    with pytest.raises(OSError, match="longer than"):
        rows_of(path)


def test_a_fifo_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "RECORD")
    with pytest.raises(OSError, match="not a regular file"):
        rows_of(tmp_path / "RECORD")


def test_a_field_without_an_end_is_said(tmp_path: Path) -> None:
    (tmp_path / "RECORD").write_text("a" * 1_000_000)
    with pytest.raises(RecordError, match="field"):
        rows_of(tmp_path / "RECORD")
