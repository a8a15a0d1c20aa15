"""Starts a scan in a child, so that a hung mount or a hostile file costs one scan and not the agent.

Rules
1. The child has a time after which it answers with what it has, and a limit after which it is killed.
2. A child that even a kill does not end (it waits for a mount) is left behind, and that is said.
3. Its answer is bounded in size, and is read as a message, never as code.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

import envguard
from envguard.domain.binding import BoundScan
from envguard.errors import InventoryError
from envguard.inventory.files import shown
from envguard.log import get_log

SEARCH_S = 20.0
"""After this the child ends its search by itself."""

LIMIT_S = 60.0
"""After this the child is killed."""

ANSWER_LIMIT_BYTES = 64 * 1024 * 1024

_SLICE_S = 0.2
_FAREWELL_S = 2.0
_CHUNK_BYTES = 256 * 1024

_PLACE_BYTES = 64 * 1024
"""More than two paths can be long."""

_log = get_log(__name__)


class ScanHungError(InventoryError):
    """The scan did not end in time, and was killed."""

    def __init__(self, place: str | None, limit_s: float) -> None:
        """``place`` is where it looked then, if it looked anywhere."""
        super().__init__(
            f"the scan hung and was killed after seconds: {limit_s:g}",
            where="scan" if place is None else shown(place),
            hint="envguard scan -v"
            if place is None
            else "does its file system answer? it is left out for an hour",
        )
        self.place = place


def scan_in_child(
    state: Path,
    roots: Sequence[str] = (),
    *,
    limit_s: float = LIMIT_S,
    command: Sequence[str] | None = None,
    beat: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
) -> BoundScan:
    """Answer what a child finds below the roots; InventoryError when it dies or answers nonsense.

    ScanHungError when it hangs: that is one, too, and knows the place.

    ``state`` is the state directory, with what the agent's own user bound. ``beat`` is called several times
    a second meanwhile; what it raises ends the scan.
    """
    places, told = os.pipe()
    own = [sys.executable, "-m", "envguard.agent.child", str(SEARCH_S), str(state), str(told), *roots]
    try:
        child = _start(command or own, told)
    finally:
        os.close(told)
    try:
        answer = _read(child, places, clock() + limit_s, limit_s, beat, clock)
        code = child.wait(timeout=_FAREWELL_S)
    except subprocess.TimeoutExpired as error:
        raise InventoryError("the scan did not end after its answer and was killed", where="scan") from error
    finally:
        os.close(places)
        _end(child)
    if code != 0:
        raise InventoryError(f"the scan failed with exit code: {code}", where="scan", hint="envguard scan -v")
    try:
        return msgspec.json.decode(answer, type=BoundScan)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InventoryError(f"the scan's answer is broken: {error}", where="scan") from error


def _start(arguments: Sequence[str], told: int) -> subprocess.Popen[bytes]:
    package = str(Path(envguard.__file__).resolve().parent.parent)
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    environ.pop("NOTIFY_SOCKET", None)
    try:
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            cwd="/",
            env=environ,
            start_new_session=True,
            pass_fds=(told,),
        )
    except OSError as error:
        raise InventoryError(f"the scan could not be started: {error.strerror}", where="scan") from error


def _read(
    child: subprocess.Popen[bytes],
    places: int,
    ends_at: float,
    limit_s: float,
    beat: Callable[[], None],
    clock: Callable[[], float],
) -> bytes:
    """Answer all that the child writes, up to its end of file."""
    pipe = child.stdout
    if pipe is None:
        raise InventoryError("the scan has no pipe to answer by", where="scan")
    content, told = bytearray(), b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        selector.register(places, selectors.EVENT_READ)
        while True:
            beat()
            if clock() > ends_at:
                raise ScanHungError(_last_place(told), limit_s)
            for key, _ in selector.select(_SLICE_S):
                chunk = os.read(key.fd, _CHUNK_BYTES)
                if key.fd == places:
                    told = (told + chunk)[-_PLACE_BYTES:]
                    if not chunk:
                        selector.unregister(places)
                elif not chunk:
                    return bytes(content)
                else:
                    content += chunk
            if len(content) > ANSWER_LIMIT_BYTES:
                raise InventoryError("the scan's answer is too large", where="scan")


def _last_place(told: bytes) -> str | None:
    """The last path that was told as a whole: it was looked at when the child was killed."""
    paths = told.split(b"\0")
    return os.fsdecode(paths[-2]) or None if len(paths) > 1 else None


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the child and its children, if they still run, and close the pipe."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        try:
            child.wait(timeout=_FAREWELL_S)
        except subprocess.TimeoutExpired:
            _log.error("scan_left_behind", pid=child.pid, reason="it waits for a device that does not answer")
    if child.stdout is not None:
        child.stdout.close()
