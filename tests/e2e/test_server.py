"""A real server under a service manager: what it is told, and when."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import pytest
import requests

from envguard.wire import read_join

WATCHDOG_S = 0.4
_WITHIN_S = 20.0
_ENVGUARD = ("-m", "envguard.cli.main", "server", "--listen", "127.0.0.1:0", "--json", "--state")
_BLOCKED = """
import asyncio, sys, time
from pathlib import Path
from envguard.server.serve import run_server

def announce(started):
    asyncio.get_running_loop().call_later(0.5, block)

def block():
    print("blocked", flush=True)
    time.sleep(2.0)
    print("free", flush=True)

run_server(listen="127.0.0.1:0", state=Path(sys.argv[1]), announce=announce)
"""


class Manager:
    """A service manager's end of the notification socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    def next(self, within_s: float = _WITHIN_S) -> str | None:
        """Answer the next message; None where none comes in time."""
        self._socket.settimeout(within_s)
        try:
            return self._socket.recv(4096).decode()
        except TimeoutError:
            return None

    def waiting(self) -> list[str]:
        """Answer the messages that are here already."""
        found = []
        while (message := self.next(0.001)) is not None:
            found.append(message)
        return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "notify")
    yield made
    made.close()


@contextlib.contextmanager
def running(
    manager: Manager,
    arguments: Sequence[str],
    state: Path,
    *,
    stdin: int = subprocess.DEVNULL,
    stderr: IO[bytes] | None = None,
) -> Iterator[subprocess.Popen[str]]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ENVGUARD")}
    watched = {"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6))}
    command = [sys.executable, *arguments, str(state)]
    environ = {**kept, **watched}
    with subprocess.Popen(
        command, env=environ, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_ready_means_answered_and_stopping_is_said(manager: Manager, tmp_path: Path) -> None:
    with running(manager, _ENVGUARD, tmp_path / "s") as process, requests.Session() as session:
        session.trust_env = False
        assert manager.next() == "READY=1"
        url = json.loads(line_of(process))["url"]
        assert session.get(f"{url}/healthz", timeout=2).json() == {"status": "ok"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(_WITHIN_S) == 0
    assert [told for told in manager.waiting() if told != "WATCHDOG=1"] == ["STOPPING=1"]


def test_watchdog_is_fed_twice_as_often_as_it_asks(manager: Manager, tmp_path: Path) -> None:
    with running(manager, _ENVGUARD, tmp_path / "s"):
        assert manager.next() == "READY=1"
        assert manager.next() == "WATCHDOG=1"
        begun = time.monotonic()
        assert [manager.next() for _ in range(6)] == ["WATCHDOG=1"] * 6
        took_s = time.monotonic() - begun
    assert 6 * WATCHDOG_S / 2 * 0.7 < took_s < 6 * WATCHDOG_S


def test_watchdog_is_not_fed_while_the_event_loop_is_blocked(manager: Manager, tmp_path: Path) -> None:
    """The feeding is a task of the loop that answers requests: a server that hangs is started again."""
    with running(manager, ("-c", _BLOCKED), tmp_path / "s") as process:
        assert line_of(process) == "blocked"
        manager.waiting()
        assert manager.next(1.5) is None
        assert line_of(process) == "free"
        assert manager.next() == "WATCHDOG=1"


def test_terminal_that_is_gone_ends_the_server_and_a_reload_does_not(
    manager: Manager, tmp_path: Path
) -> None:
    """Both are SIGHUP: what standard input is tells them apart."""
    terminal, end = pty.openpty()
    for stdin, code in ((end, -signal.SIGHUP), (subprocess.DEVNULL, 0)):
        with running(manager, _ENVGUARD, tmp_path / "s", stdin=stdin) as process:
            assert manager.next() == "READY=1"
            process.send_signal(signal.SIGHUP)
            if code == 0:
                assert manager.next() == "WATCHDOG=1"
                process.send_signal(signal.SIGTERM)
            assert process.wait(_WITHIN_S) == code
        manager.waiting()
    os.close(terminal)
    os.close(end)


def test_request_under_way_is_answered_before_the_server_ends(manager: Manager, tmp_path: Path) -> None:
    """And each line of its log is one object, of which one is this request's."""
    state, log = tmp_path / "s", tmp_path / "log"
    with log.open("wb") as stderr:
        arguments = ("-m", "envguard.cli.main", "server", "-v", "--log-format", "json", *_ENVGUARD[3:])
        with running(manager, arguments, state, stderr=stderr) as process:
            told = json.loads(line_of(process))
            body = json.dumps({"token": read_join(told["join"]).token, "machine": "m", "name": "ws-7"})
            host, port = told["url"].removeprefix("http://").split(":")
            head = f"POST /api/v1/enroll HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
            with socket.create_connection((host, int(port)), _WITHIN_S) as connection:
                connection.sendall(f"{head}X-Request-Id: last\r\nExpect: 100-continue\r\n\r\n".encode())
                assert connection.recv(4096).startswith(b"HTTP/1.1 100 ")  # now it waits for the body
                process.send_signal(signal.SIGTERM)
                while manager.next() != "STOPPING=1":
                    pass
                connection.sendall(body.encode())
                answer = connection.makefile("rb").read()
            assert process.wait(_WITHIN_S) == 0
    assert b" 200 OK" in answer
    assert b'"secret"' in answer
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["event"] for line in lines if line.get("request") == "last"] == [
        "machine_enrolled",
        "request_answered",
    ]
    assert lines[-1]["event"] == "server_stopped"


def test_failed_start_is_never_ready(manager: Manager, tmp_path: Path) -> None:
    (tmp_path / "s").touch()
    with running(manager, _ENVGUARD, tmp_path / "s") as process:
        assert process.wait(_WITHIN_S) == 3
    assert manager.waiting() == []
