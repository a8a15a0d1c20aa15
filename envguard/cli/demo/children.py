"""The processes of the demo, and its end: nothing that it starts outlives it.

Rules
1. Each child leads a session of its own. A Ctrl-C reaches the demo alone, which ends its children in order;
   and with a child ends what that one started, such as the pip inside ``python -m venv``.
2. The first SIGINT, SIGTERM or SIGHUP raises KeyboardInterrupt, later ones nothing: cleaning up is never cut
   short. None is raised while a child is being started, which would then be in nobody's list.
3. Children print into files, so that no pipe fills up, and what is left to run holds no pipe of the caller.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType

import msgspec

from envguard.errors import EnvguardError

LOOK_EVERY_S = 0.05
"""How long between two looks at what a child does."""

_NOT_INHERITED = (
    *(
        "ENVGUARD_",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
        "NOTIFY_SOCKET",
        "WATCHDOG_",
        "FORCE_COLOR",
        "PYTHON_COLORS",
    ),
    # These send pip's packages elsewhere or nowhere, or change what it says.
    *("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_ROOT", "PIP_DRY_RUN", "PIP_NO_DEPS", "PIP_CONSTRAINT"),
    *("PIP_REQUIREMENT", "PIP_QUIET", "PIP_VERBOSE"),
)
"""Beginnings of variables' names."""

_STOP_WITHIN_S = 5.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """While it is entered, the first signal to stop raises KeyboardInterrupt, and later ones do nothing."""

    def __init__(self) -> None:
        self._is_held = False
        self._is_waiting = False
        self._is_over = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Interrupts:
        for each in _SIGNALS:
            if signal.getsignal(each) is not signal.SIG_IGN:  # as under nohup
                self._before[each] = signal.signal(each, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)  # type: ignore[arg-type]  # what signal.signal answered itself

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Put a signal off until the end of the block."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False
        if self._is_waiting:
            self._interrupt()

    def end(self) -> None:
        """From now on no signal does anything."""
        self._is_over = True

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_held:
            self._is_waiting = True
        else:
            self._interrupt()

    def _interrupt(self) -> None:
        if not self._is_over:
            self._is_over = True
            raise KeyboardInterrupt


class Said(msgspec.Struct, frozen=True):
    """How a child ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def last_line(self) -> str:
        """The line that tells most: the last one of its output, or of its errors if it failed."""
        lines = (self.err.strip() or self.out.strip()) if self.code else self.out.strip()
        return lines.splitlines()[-1].strip() if lines else f"exit code {self.code}"


class Children:
    """What the demo started."""

    def __init__(self, interrupts: Interrupts, folder: Path) -> None:
        """Name the folder in which they work where nobody says another."""
        self._interrupts = interrupts
        self._folder = folder
        self._started: list[subprocess.Popen[bytes]] = []

    def start(
        self,
        command: Sequence[str],
        *,
        environ: Mapping[str, str],
        out: Path,
        err: Path | None = None,
        given: Path | None = None,
        cwd: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a child that adds to files; without ``err`` its errors go where its output goes."""
        with contextlib.ExitStack() as files:
            stdout = files.enter_context(out.open("ab"))
            stderr = subprocess.STDOUT if err is None else files.enter_context(err.open("ab"))
            stdin = subprocess.DEVNULL if given is None else files.enter_context(given.open("rb"))
            with self._interrupts.held():
                process = subprocess.Popen(
                    command,
                    env=environ,
                    cwd=cwd or self._folder,
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    start_new_session=True,
                )
                self._started.append(process)
        return process

    def run(
        self,
        command: Sequence[str],
        *,
        environ: Mapping[str, str],
        within_s: float,
        what: str,
        given: str | None = None,
        cwd: Path | None = None,
    ) -> Said:
        """Run a child to its end; raises EnvguardError, which names it ``what``, if that comes too late."""
        out, err, stdin = (self._folder / f"child.{name}" for name in ("out", "err", "in"))
        for file in (out, err):
            file.write_bytes(b"")
        stdin.write_text(given or "")
        process = self.start(command, environ=environ, out=out, err=err, given=stdin, cwd=cwd)
        try:
            code = process.wait(within_s)
        except subprocess.TimeoutExpired:
            end(process)
            log = tail(err) or tail(out)
            raise EnvguardError(f"{what} did not end within {within_s:g} s{log}") from None
        return Said(code, out.read_text(errors="replace"), err.read_text(errors="replace"))

    def pids(self) -> list[int]:
        """Answer those that still run."""
        return [process.pid for process in self._started if process.poll() is None]

    def stop(self, *, within_s: float = _STOP_WITHIN_S) -> None:
        """End all that still run: asked at once, and killed if they have not obeyed in time."""
        running = [process for process in self._started if process.poll() is None]
        for process in running:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + within_s
        for process in running:
            end(process, within_s=max(deadline - time.monotonic(), 0))


def first_line(process: subprocess.Popen[bytes], out: Path, *, log: Path, within_s: float, what: str) -> str:
    """Wait for the first whole line that a child prints; raises EnvguardError if it ends or hangs before."""
    deadline = time.monotonic() + within_s
    while True:
        has_ended = process.poll() is not None
        line, newline, _ = out.read_text(errors="replace").partition("\n")
        if newline:
            return line
        if has_ended:
            raise EnvguardError(f"{what} ended with exit code {process.returncode}{tail(log)}")
        if time.monotonic() > deadline:
            raise EnvguardError(f"{what} said nothing within {within_s:g} s{tail(log)}")
        time.sleep(LOOK_EVERY_S)


def end(process: subprocess.Popen[bytes], *, within_s: float = 0) -> None:
    """Wait for a child that was asked to stop, and kill what is then left of it and of what it started."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(within_s)
    _signal(process, signal.SIGKILL)
    process.wait()


def tail(log: Path, lines: int = 3) -> str:
    """Answer the end of a log as the end of a sentence; empty where nothing was logged."""
    text = log.read_text(errors="replace") if log.exists() else ""
    last = [line.strip() for line in text.splitlines() if line.strip()][-lines:]
    return f": {'; '.join(last)}" if last else ""


def envguard_environ(folder: Path, changes: Mapping[str, str]) -> dict[str, str]:
    """Answer the environment of an ``envguard`` of the demo: without what would change it, and with these.

    Temporary files go into the demo's folder: a pip that is stopped leaves its own lying about.
    """
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_NOT_INHERITED)}
    return {**kept, "TMPDIR": str(folder), **changes}


def python_environ(folder: Path) -> dict[str, str]:
    """Answer the environment of a colleague's Python: it sees its own packages and no others."""
    environ = envguard_environ(folder, {})
    return {key: value for key, value in environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # A child leads its group. A group of which all have ended is no error, nor one of zombies (macOS).
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
