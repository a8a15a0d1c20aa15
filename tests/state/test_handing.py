"""An agent is handed receipts only where nobody else can stand in its place."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from envguard.state.handing import trusted_socket


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A runtime folder in which somebody listens."""
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o755)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(runtime / "agent.sock"))
        yield runtime


def test_a_socket_of_one_s_own_in_a_folder_of_one_s_own_is_trusted(folder: Path) -> None:
    assert trusted_socket(str(folder)) == str(folder / "agent.sock")


@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_none_is_in_a_folder_to_which_others_write(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    assert trusted_socket(str(folder)) is None


def test_no_link_leads_to_one(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert trusted_socket(str(tmp_path / "link")) is None
    (folder / "agent.sock").rename(folder / "moved.sock")
    (folder / "agent.sock").symlink_to("moved.sock")
    assert trusted_socket(str(folder)) is None


def test_what_is_no_socket_is_none(folder: Path) -> None:
    (folder / "agent.sock").unlink()
    assert trusted_socket(str(folder)) is None
    (folder / "agent.sock").write_text("")
    assert trusted_socket(str(folder)) is None
