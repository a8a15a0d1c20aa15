from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

import pytest

from envguard.inventory.files import Reader
from envguard.inventory.record_file import CAP_BYTES, RecordError, Row, Unclear, parse_record, read_record

CONTENT = b"x = 1\n"


def hashed(algorithm: str, content: bytes = CONTENT) -> str:
    digest = hashlib.new(algorithm, content).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def a_row(place: str, algorithm: str = "sha256", size_bytes: int | None = 6) -> Row:
    return Row(place, algorithm, hashlib.new(algorithm, CONTENT).digest(), size_bytes)


def rows_of(path: Path) -> list[Row | Unclear]:
    return list(read_record(Reader(os.geteuid()), str(path)))


def parsed(line: str) -> list[Row | Unclear]:
    """What a row gives between two that can be checked."""
    good = f"good.py,{hashed('sha256')},6\n"
    first, *between, last = parse_record([good, f"{line}\n", good])
    assert first == last == a_row("good.py")
    return between


@pytest.mark.parametrize(
    "algorithm", ["sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512", "blake2b", "blake2s"]
)
def test_hashes_of_the_standard_count(algorithm: str) -> None:
    assert list(parse_record([f"gym.py,{hashed(algorithm)},6\n"])) == [a_row("gym.py", algorithm)]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("gym-1.dist-info/RECORD,,", id="RECORD itself"),
        pytest.param("gym-1.dist-info/RECORD.jws,,", id="a signature"),
        pytest.param("gym-1.dist-info/INSTALLER,,", id="virtualenv's INSTALLER"),
        pytest.param("gym/__pycache__,,", id="virtualenv's folder of bytecode"),
        pytest.param("../../../bin/gym,,", id="virtualenv's script"),
        pytest.param(f"__pycache__/gym.cpython-311.pyc,{hashed('sha256')},6", id="bytecode"),
        pytest.param("gym.pyc,md5=abc,6", id="bytecode, whatever its hash"),
        pytest.param("gym.pyc", id="bytecode, without anything"),
        pytest.param("", id="empty"),
    ],
)
def test_rows_that_need_not_tell_anything_are_left_out(line: str) -> None:
    assert parsed(line) == []


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(f"gym.py,{hashed('md5')},6", id="an algorithm that the standard excludes"),
        pytest.param(f"gym.py,{hashed('sha224')},6", id="one of too few bits"),
        pytest.param("gym.py,whirlpool=AAAA,6", id="an algorithm that nobody knows"),
        pytest.param("gym.py,sha256=AAAA,6", id="too short for a digest"),
        pytest.param("gym.py,sha256=\u00e9,6", id="no base64"),
        pytest.param("gym.py,sha256,6", id="an algorithm only"),
        pytest.param("gym.py,6", id="a size in the hash's place"),
    ],
)
def test_a_hash_that_cannot_be_understood_is_said(line: str) -> None:
    assert parsed(line) == [Unclear("gym.py", has_hash=True)]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        pytest.param("gym.py", "gym.py", id="only a path"),
        pytest.param("gym.txt,", "gym.txt", id="two fields, and no hash"),
        pytest.param("gym.py,,", "gym.py", id="a module"),
        pytest.param("gym.so,,6", "gym.so", id="a library, with a size"),
        pytest.param(",,", "", id="nothing"),
        pytest.param("\x01\x02", "\x01\x02", id="garbage"),
    ],
)
def test_code_without_a_hash_and_what_is_no_row_are_said(line: str, place: str) -> None:
    assert parsed(line) == [Unclear(place, has_hash=False)]


def test_a_hash_of_no_path_is_said() -> None:
    assert parsed(f",{hashed('sha256')},6") == [Unclear("", has_hash=True)]


@pytest.mark.parametrize("lines", [[], ["gym.pyc,,"], ["gym-1.dist-info/RECORD,,"], ["gym.py,md5=abc,6"]])
def test_a_record_that_tells_of_no_file_is_an_error(lines: list[str]) -> None:
    with pytest.raises(RecordError, match="no file's hash"):
        list(parse_record(lines))


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
