from __future__ import annotations

import socket
import sys
import uuid
from pathlib import Path

import pytest

from envguard.state import notify, watchdog_interval_s


def test_nobody_who_asked_is_told_nothing() -> None:
    assert not notify("READY=1", environ={})
    assert not notify("READY=1", environ={"NOTIFY_SOCKET": "relative"})


def test_socket_that_is_gone_is_no_failure(tmp_path: Path) -> None:
    assert not notify("READY=1", environ={"NOTIFY_SOCKET": str(tmp_path / "gone")})


@pytest.mark.parametrize(
    "is_abstract",
    [
        pytest.param(False, id="path"),
        pytest.param(
            True,
            id="abstract",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets are Linux's"),
        ),
    ],
)
def test_lines_arrive_in_one_message(tmp_path: Path, is_abstract: bool) -> None:
    name = f"@envguard-{uuid.uuid4().hex}" if is_abstract else str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0", 1))
        assert notify("READY=1", "STATUS=ok", environ={"NOTIFY_SOCKET": name})
        assert manager.recv(100) == b"READY=1\nSTATUS=ok"


@pytest.mark.parametrize(
    ("environ", "interval_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "120000000"}, 60.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "7"}, 60.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "never"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_watchdog_is_told_twice_as_often_as_it_asks(
    environ: dict[str, str], interval_s: float | None
) -> None:
    assert watchdog_interval_s(environ, pid=7) == interval_s
