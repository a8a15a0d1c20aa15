from __future__ import annotations

import pytest

from envguard.inventory.pyvenv import parse_config


@pytest.mark.parametrize(
    ("text", "version"),
    [
        pytest.param("home = /x\nversion = 3.11.7\n", "3.11.7", id="venv"),
        pytest.param("version_info = 3.11.7.final.0\nvirtualenv = 20.26\n", "3.11.7", id="virtualenv"),
        pytest.param("version_info = 3.12.1\nuv = 0.5\n", "3.12.1", id="uv"),
        pytest.param("version_info = 3.13\n", "3.13", id="no patch"),
        pytest.param("version = 3.14.0rc2+\n", "3.14.0rc2+", id="candidate"),
        pytest.param("version = newest\n", None, id="word"),
        pytest.param("", None, id="empty"),
        pytest.param("prompt = a = b\nversion = 3.9.1\n", "3.9.1", id="prompt with a sign"),
        pytest.param("prompt = a\u2028version = 9.9\nversion = 3.9.1\n", "3.9.1", id="line separator"),
        pytest.param("VERSION=3.9.1\r\nhome=/x\r\n", "3.9.1", id="capitals, CRLF, no blanks"),
        pytest.param("version = 3.9.1\ncommand = python -m venv /a\nversion = 9.9.9\n", "3.9.1", id="twice"),
    ],
)
def test_the_version_at_creation(text: str, version: str | None) -> None:
    assert parse_config(text.encode()).version == version


@pytest.mark.parametrize(
    ("text", "includes"),
    [
        ("", True),
        ("include-system-site-packages = true", True),
        ("include-system-site-packages = TRUE", True),
        ("include-system-site-packages = yes", False),
        ("include-system-site-packages =", False),
        ("include-system-site-packages = true\ninclude-system-site-packages = false", False),
    ],
)
def test_the_base_is_included_unless_it_is_said_otherwise(text: str, includes: bool) -> None:
    assert parse_config(text.encode()).includes_system_site is includes


def test_the_first_home_counts() -> None:
    assert parse_config(b"home = /a\nhome = /b\n").home == "/a"


def test_a_file_that_is_not_utf_8_has_a_fault_and_tells_nothing() -> None:
    config = parse_config(b"home = /a\nprompt = \xff\n")
    assert config.fault is not None
    assert (config.home, config.version, config.includes_system_site) == (None, None, False)
