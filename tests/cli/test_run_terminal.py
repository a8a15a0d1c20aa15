"""``run`` and signals: in a shell with job control on a real terminal, and without one."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

PROGRAM = [sys.executable, "-m", "envguard.cli.main", "run"]
SCRIPT = """
import os, signal, sys, time
def say(words):
    os.write(1, f"{words}\\n".encode())  # at once: the shell writes to the same terminal
def handle(number, frame):
    say(f"got {signal.Signals(number).name}")
    if number in (signal.SIGTERM, signal.SIGINT):
        time.sleep(0.2)
        sys.exit(40 + number)
for name in sys.argv[1:]:
    signal.signal(getattr(signal, name), handle)
say(f"ready {os.getpid()}")
while True:
    time.sleep(10)
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ENVGUARD")}
    for key in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        kept.pop(key, None)
    own = {"ENVGUARD_STATE": str(tmp_path / "state"), "ENVGUARD_CACHE": str(tmp_path / "cache")}
    return {**kept, **own, "PS1": "$ ", "TERM": "dumb"}


@pytest.fixture
def judged(project: Path) -> Path:
    (project / "rl.yaml").write_text("envguard: 1\nname: rl\npackages:\n  gym: ==0.25.2\n")
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl.yaml"\n')
    (project / "x.py").write_text(SCRIPT)
    return project


def as_usual(*ignored: int) -> None:
    """Let a process ignore these and no others: what started the tests may have ignored more."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)


class Terminal:
    """An interactive shell on a terminal of its own."""

    def __init__(self, cwd: Path, environ: dict[str, str]) -> None:
        self.process, self.master = pty.fork()
        if self.process == 0:
            as_usual()
            os.chdir(cwd)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], environ)
        self.seen = ""
        self.expect(r"\$ $")

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def expect(self, pattern: str) -> re.Match[str]:
        """Wait for something to be printed, and take all up to its end."""
        until = time.monotonic() + 30
        while (found := re.search(pattern, self.seen)) is None:
            ready = select.select([self.master], [], [], max(0, until - time.monotonic()))[0]
            assert ready, f"{pattern!r} never came: {self.seen!r}"
            self.seen += os.read(self.master, 65536).decode()
        self.seen = self.seen[found.end() :]
        return found

    def wait_for_job(self) -> None:
        """Wait until the terminal is a job's: the shell names the job before it gives the terminal to it."""
        until = time.monotonic() + 30
        while os.tcgetpgrp(self.master) == self.process:
            assert time.monotonic() < until, f"no job is in front: {self.seen!r}"
            time.sleep(0.01)

    def close(self) -> None:
        os.close(self.master)
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)


@pytest.fixture
def terminal(judged: Path, environ: dict[str, str]) -> Iterator[Terminal]:
    opened = Terminal(judged, environ)
    yield opened
    opened.close()


def guarded(*command: str) -> str:
    return " ".join([*PROGRAM, "--", ".venv/bin/python", *command])


def test_a_command_can_be_stopped_and_taken_up_again_and_gets_ctrl_c_once(terminal: Terminal) -> None:
    terminal.type(guarded("x.py", "SIGINT", "SIGCONT") + "\n")
    terminal.expect(r"ready \d+")
    terminal.type("\x1a")
    terminal.expect(r"\[1\]\+\s+Stopped[^$]*\$ $")
    terminal.type("fg\n")
    terminal.expect("got SIGCONT")
    time.sleep(0.5)  # people are slower than two processes that wake up
    terminal.type("\x1a")
    terminal.expect(r"\[1\]\+\s+Stopped[^$]*\$ $")
    terminal.type("bg; echo in the back\n")
    terminal.expect("got SIGCONT")
    terminal.type("fg\n")
    terminal.expect(r"fg\r\n.*SIGCONT\r\n")
    terminal.wait_for_job()
    time.sleep(0.5)
    terminal.type("\x03")
    terminal.expect("got SIGINT")
    terminal.type("echo code $?\n")
    after = terminal.expect(r"code (\d+)\r")
    assert after[1] == "42"
    assert "got SIGINT" not in terminal.seen


def test_ctrl_c_that_ends_a_command_ends_what_called_it_too(terminal: Terminal) -> None:
    terminal.type(f"for i in 1 2 3; do echo round $i; {guarded('x.py')}; done\n")
    terminal.expect(r"round 1\r")
    terminal.expect(r"ready \d+")
    terminal.type("\x03")
    terminal.expect(r"\$ $")
    terminal.type("echo code $?\n")
    assert terminal.expect(r"code (\d+)\r")[1] == "130"


def test_what_reads_the_terminal_from_the_back_stops_until_it_is_in_front(terminal: Terminal) -> None:
    terminal.type(guarded("-c", "'print(input(), 1 + 1)'") + " &\n")
    terminal.expect(r"\[1\] \d+")
    terminal.type("while ! jobs | grep -q Stopped; do sleep 0.1; done; echo it has; fg\n")
    terminal.expect(r"it has\r\n.*\n")
    terminal.type("hello\n")
    terminal.expect("hello 2")


def test_the_terminal_s_size_and_its_being_one_are_the_command_s(terminal: Terminal) -> None:
    terminal.type(
        "stty cols 91 rows 33; " + guarded("-c", "'import os; print(os.get_terminal_size(), os.isatty(2))'")
    )
    terminal.type("\n")
    terminal.expect(r"columns=91, lines=33\) True")


class Running:
    """A guarded command without a terminal."""

    def __init__(
        self, cwd: Path, environ: dict[str, str], *arguments: str, ignored: Sequence[int] = ()
    ) -> None:
        self.process = subprocess.Popen(
            [*PROGRAM, "--", ".venv/bin/python", "x.py", *arguments],
            cwd=cwd,
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: as_usual(*ignored),  # noqa: PLW1509 - it only sets how signals are taken
        )
        self.child = int(self.line().split()[1])

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> tuple[int, str]:
        try:
            out, _ = self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        return self.process.returncode, out


@pytest.mark.parametrize(
    "name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGCONT", "SIGALRM"]
)
def test_a_signal_to_envguard_reaches_the_command_once(
    judged: Path, environ: dict[str, str], name: str
) -> None:
    running = Running(judged, environ, name, "SIGTERM")
    running.process.send_signal(getattr(signal, name))
    assert running.line() == f"got {name}"
    if name not in ("SIGTERM", "SIGINT"):
        running.process.send_signal(signal.SIGTERM)
        assert running.line() == "got SIGTERM"
    code, rest = running.end()
    assert (code, rest) == (40 + (signal.SIGINT if name == "SIGINT" else signal.SIGTERM), "")


@pytest.mark.parametrize("name", ["SIGUSR1", "SIGCONT", "SIGHUP"])
def test_a_signal_to_the_whole_group_reaches_the_command_once(
    judged: Path, environ: dict[str, str], name: str
) -> None:
    number = getattr(signal, name)
    running = Running(judged, environ, name, "SIGTERM")
    os.killpg(running.process.pid, number)
    assert running.line() == f"got {name}"
    time.sleep(0.5)  # until envguard had the first, too: two that wait are one
    running.process.send_signal(number)  # to one, after the same to all
    assert running.line() == f"got {name}"
    os.killpg(running.process.pid, signal.SIGTERM)
    assert running.line() == "got SIGTERM"
    assert running.end() == (40 + signal.SIGTERM, "")


def test_nobody_is_left_of_a_run_that_was_killed(judged: Path, environ: dict[str, str]) -> None:
    running = Running(judged, environ)
    running.process.kill()
    os.kill(running.child, signal.SIGKILL)
    assert running.end()[0] == -signal.SIGKILL
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            os.killpg(running.process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    pytest.fail("a process of the group is left")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGKILL", "SIGSEGV", "SIGINT"])
def test_what_a_signal_ends_ends_envguard_by_the_same(
    judged: Path, environ: dict[str, str], name: str
) -> None:
    running = Running(judged, environ)
    os.kill(running.child, getattr(signal, name))
    code, _ = running.end()
    assert code == -getattr(signal, name)


def test_a_command_that_is_stopped_stops_envguard_and_goes_on_with_it(
    judged: Path, environ: dict[str, str]
) -> None:
    running = Running(judged, environ, "SIGTERM")
    os.kill(running.child, signal.SIGSTOP)
    _, status = os.waitpid(running.process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    running.process.send_signal(signal.SIGCONT)
    running.process.send_signal(signal.SIGTERM)
    assert running.line() == "got SIGTERM"
    assert running.end()[0] == 55


def test_what_ignores_a_hang_up_goes_on_ignoring_it(judged: Path, environ: dict[str, str]) -> None:
    running = Running(judged, environ, "SIGTERM", ignored=[signal.SIGHUP])
    running.process.send_signal(signal.SIGHUP)
    running.process.send_signal(signal.SIGTERM)
    assert running.line() == "got SIGTERM"
    assert running.end()[0] == 55


def test_a_writer_whose_reader_goes_away_ends_as_it_would_alone(
    judged: Path, environ: dict[str, str]
) -> None:
    line = f"{' '.join(PROGRAM)} --env .venv -- yes | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=judged, env=environ, capture_output=True, text=True, check=False
    )
    assert done.stdout == f"y\n{128 + signal.SIGPIPE}\n"
