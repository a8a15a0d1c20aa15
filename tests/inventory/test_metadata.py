from __future__ import annotations

from pathlib import Path

import pytest

from envguard.inventory.files import reader_for
from envguard.inventory.metadata import parse_headers, parse_requires_text, read_headers


@pytest.mark.parametrize(
    ("content", "name", "version"),
    [
        pytest.param(b"Name: gym\nVersion: 0.26.2\n\n", "gym", "0.26.2", id="plain"),
        pytest.param(b"name: gym\nVERSION: 1\n\n", "gym", "1", id="capitals"),
        pytest.param(b"Name: gym\r\nVersion: 1\r\n\r\nx", "gym", "1", id="CRLF"),
        pytest.param(b"\xef\xbb\xbfName: gym\nVersion: 1\n", "gym", "1", id="byte order mark"),
        pytest.param(b"Name: gym\nVersion: 1\nVersion: 2\n\n", "gym", "1", id="first wins"),
        pytest.param(
            b"Name: gym\nSummary: a\n Version: 9\nVersion: 1\n\n", "gym", "1", id="folded lookalike"
        ),
        pytest.param(b"Name: gym\n\nVersion: 1\n", "gym", None, id="version in the body"),
        pytest.param(b"Name: gym\nnonsense\nVersion: 1\n", "gym", None, id="no header ends the headers"),
        pytest.param(b"Author: J\xf6rg\nName: gym\nVersion: 1\n\n", "gym", "1", id="Latin-1"),
        pytest.param(b"Name:\n gym\nVersion: 1\n\n", "gym", "1", id="folded name"),
        pytest.param(b"Name: g\x1b[31mym\nVersion: 1\n\n", "g\\x1b[31mym", "1", id="control characters"),
        pytest.param(b"Name:\nVersion: 1\n\n", None, "1", id="empty name"),
        pytest.param(b"", None, None, id="empty"),
    ],
)
def test_headers(content: bytes, name: str | None, version: str | None) -> None:
    headers = parse_headers(content)
    assert (headers.name, headers.version) == (name, version)


@pytest.mark.parametrize("before", [0, 4_000, 4_090, 5_000, 90_000], ids="{} bytes before".format)
def test_a_long_header_before_the_name_does_not_hide_it(before: int, tmp_path: Path) -> None:
    path = tmp_path / "METADATA"
    path.write_bytes(b"Summary: " + b"x" * before + b"\nName: gym\nVersion: 1.25\n\n" + b"d" * 3_000_000)
    headers = read_headers(reader_for(str(tmp_path)), str(path))
    assert (headers.name, headers.version) == ("gym", "1.25")


@pytest.mark.parametrize(
    ("line", "requires"),
    [
        pytest.param("Requires-Dist: numpy<2", ("numpy<2",), id="plain"),
        pytest.param("REQUIRES-DIST:numpy", ("numpy",), id="capitals"),
        pytest.param("Requires-Dist: numpy\n  <2", ("numpy <2",), id="folded"),
        pytest.param("Requires-Dist: a; extra == 'x'", (), id="of an extra"),
        pytest.param("Requires-Dist: a; os_name == 'nt' and extra == \"x\"", (), id="of an extra, and more"),
        pytest.param(
            "Requires-Dist: a; os_name == 'nt' or extra == 'x'",
            ("a; os_name == 'nt' or extra == 'x'",),
            id="not only of an extra",
        ),
        pytest.param("Requires: numpy", (), id="an old header that means modules"),
        pytest.param("\nRequires-Dist: numpy", (), id="in the body"),
    ],
)
def test_requirements(line: str, requires: tuple[str, ...]) -> None:
    assert parse_headers(f"Name: gym\nVersion: 1\n{line}\n\n".encode()).requires == requires


def test_requirements_of_an_egg_info_stand_in_sections() -> None:
    text = b"numpy<2\n# no\n\n[gpu]\ntorch\n\n[:python_version < '3']\nsix\n\n[gpu:os_name == 'nt']\ncuda\n"
    assert parse_requires_text(text).texts == ("numpy<2", "six; python_version < '3'")


HEAD = b"Name: gym\nVersion: 1\n"
TOO_MANY = "more requirements than 4096"
TOO_LONG = "headers longer than bytes: 1048576"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        pytest.param(HEAD + b"Requires-Dist: a\n" * 4096, None, id="as many as count"),
        pytest.param(HEAD + b"Requires-Dist: a\n" * 4097, TOO_MANY, id="one more"),
        pytest.param(HEAD + b"Keywords: " + b"x" * 1_048_000 + b"\n\nbody", None, id="long"),
        pytest.param(HEAD + b"Keywords: " + b"x" * 1_048_600 + b"\n\nbody", TOO_LONG, id="too long"),
        pytest.param(HEAD + b"Keywords: x\n" * 90_000 + b"\nbody", TOO_LONG, id="too many"),
        pytest.param(HEAD + b"nonsense\n" + b"Keywords: x\n" * 90_000, None, id="ended before"),
        pytest.param(HEAD + b"\n" + b"x\n" * 1_000_000, None, id="a long body"),
    ],
)
def test_what_is_left_out_is_told(content: bytes, fault: str | None, tmp_path: Path) -> None:
    path = tmp_path / "METADATA"
    path.write_bytes(content)
    headers = read_headers(reader_for(str(tmp_path)), str(path))
    assert (headers.name, headers.version, headers.fault) == ("gym", "1", fault)
    assert len(headers.requires) <= 4096
