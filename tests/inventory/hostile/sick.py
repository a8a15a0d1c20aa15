"""Things that lie where a file of text should: each hangs, floods or misleads a careless reader."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY_S, WAIT_S = 3, 60
"""Far over what a reading needs on a busy machine, far below what a flood or a hang takes."""


def fifo(path: Path) -> None:
    """Nobody will ever write into it."""
    os.mkfifo(path)


def device(path: Path) -> None:
    """It never ends."""
    path.symlink_to("/dev/zero")


def terminal(path: Path) -> None:
    """To open it is to make it one's own, and to wait for a line."""
    path.symlink_to("/dev/tty")


def listening(path: Path) -> None:
    """A socket in the file system, whose name may be longer than sockets like."""
    folder = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


def loop(path: Path) -> None:
    """A link to itself."""
    path.symlink_to(path.name)


def folder(path: Path) -> None:
    """A folder, with something in it."""
    (path / "x").mkdir(parents=True)


def sparse(path: Path) -> None:
    """10 GB that take no room."""
    with path.open("wb") as file:
        file.truncate(10_000_000_000)


def endless_line(path: Path) -> None:
    """One line of 10 MB."""
    path.write_bytes(b"x" * 10_000_000)


def endless_headers(path: Path) -> None:
    """A million headers before those that count."""
    path.write_bytes(b"X: y\n" * 1_000_000 + b"Name: gym\nVersion: 1\n\n")


def noise(path: Path) -> None:
    """No text in any encoding."""
    path.write_bytes(bytes(range(256)) * 100)


def nuls(path: Path) -> None:
    """Bytes that no path may hold."""
    path.write_bytes(b"home = /a\0b\n/c\0d\n\0\n")


def a_process(path: Path) -> None:
    """A file of the kernel's whose length it does not tell."""
    path.symlink_to("/proc/self/maps")


def a_log(path: Path) -> None:
    """A regular file by its mode, whose reader waits until there is something to say."""
    path.symlink_to("/proc/kmsg")


KINDS: list[Callable[[Path], None]] = [
    *(fifo, device, terminal, listening, loop, folder, sparse),
    *(endless_line, endless_headers, noise, nuls, a_process, a_log),
]


@contextmanager
def soon() -> Iterator[None]:
    """Hold that what is inside neither keeps this thread busy nor waits for long."""
    began, busy = time.monotonic(), time.thread_time()
    yield
    assert time.thread_time() - busy < BUSY_S
    assert time.monotonic() - began < WAIT_S
