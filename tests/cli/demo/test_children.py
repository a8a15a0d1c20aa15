"""How the demo starts processes, gives up on them, and ends with all that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from envguard.cli.demo.children import Children, Interrupts, envguard_environ, first_line, python_environ
from envguard.errors import EnvguardError

_HANGS = "import sys, time; print('the last words', file=sys.stderr, flush=True); time.sleep(60)"
_IGNORES = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
_HAS_A_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"


def python(program: str) -> tuple[str, ...]:
    return (sys.executable, "-c", program)


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    with Interrupts() as entered:
        yield entered


@pytest.fixture
def children(interrupts: Interrupts, tmp_path: Path) -> Iterator[Children]:
    made = Children(interrupts, tmp_path)
    yield made
    made.stop()


def start(children: Children, program: str, folder: Path) -> subprocess.Popen[bytes]:
    return children.start(python(program), environ=os.environ, out=folder / "out", err=folder / "err")


def test_a_child_that_ends_tells_its_last_line(children: Children) -> None:
    said = children.run(python("print(input())"), environ=os.environ, within_s=20, what="it", given="five")
    assert (said.code, said.last_line) == (0, "five")
    failed = children.run(python("print(1); 1/0"), environ=os.environ, within_s=20, what="it")
    assert (failed.code, failed.last_line) == (1, "ZeroDivisionError: division by zero")
    silent = children.run(python("raise SystemExit(3)"), environ=os.environ, within_s=20, what="it")
    assert silent.last_line == "exit code 3"


def test_a_script_that_hangs_is_ended_and_its_last_words_said(children: Children) -> None:
    with pytest.raises(EnvguardError, match=r"^train\.py did not end within 0\.5 s: the last words$"):
        children.run(python(_HANGS), environ=os.environ, within_s=0.5, what="train.py")
    assert children.pids() == []


def test_a_server_that_hangs_is_given_up_with_the_end_of_its_log(children: Children, tmp_path: Path) -> None:
    process = start(children, _HANGS, tmp_path)
    with pytest.raises(EnvguardError, match=r"^the server said nothing within 0\.5 s: the last words$"):
        first_line(process, tmp_path / "out", log=tmp_path / "err", within_s=0.5, what="the server")


def test_a_server_that_ends_at_once_is_told_from_one_that_hangs(children: Children, tmp_path: Path) -> None:
    process = start(children, "raise SystemExit('error: the port is taken')", tmp_path)
    with pytest.raises(EnvguardError, match="ended with exit code 1: error: the port is taken"):
        first_line(process, tmp_path / "out", log=tmp_path / "err", within_s=20, what="the server")


def test_half_a_line_is_waited_for_to_its_end(children: Children, tmp_path: Path) -> None:
    program = "import time; print('ha', end='', flush=True); time.sleep(0.3); print('lf')"
    process = start(children, program, tmp_path)
    assert first_line(process, tmp_path / "out", log=tmp_path / "err", within_s=20, what="it") == "half"


def test_stopping_ends_what_children_started_too(children: Children, tmp_path: Path) -> None:
    process = start(children, _HAS_A_CHILD, tmp_path)
    below: list[psutil.Process] = []
    while not below:
        below = psutil.Process(process.pid).children()
    children.stop()
    assert children.pids() == []
    _, alive = psutil.wait_procs(below, timeout=10)
    assert [each for each in alive if each.status() != psutil.STATUS_ZOMBIE] == []


def test_a_child_that_does_not_obey_is_killed(children: Children, tmp_path: Path) -> None:
    process = start(children, _IGNORES, tmp_path)
    first_line(process, tmp_path / "out", log=tmp_path / "err", within_s=20, what="it")
    children.stop(within_s=0.2)
    assert process.returncode == -signal.SIGKILL


def test_only_the_first_signal_interrupts(interrupts: Interrupts) -> None:
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)


def test_a_signal_while_a_child_is_started_comes_after(interrupts: Interrupts) -> None:
    started: list[str] = []

    def begin() -> None:
        with interrupts.held():
            signal.raise_signal(signal.SIGTERM)
            started.append("a child")

    with pytest.raises(KeyboardInterrupt):
        begin()
    assert started == ["a child"]


def test_at_the_end_no_signal_counts(interrupts: Interrupts) -> None:
    interrupts.end()
    signal.raise_signal(signal.SIGTERM)


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interrupts():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_what_would_change_the_demo_is_not_inherited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENVGUARD_POLICY", "PIP_TARGET", "PIP_USER", "VIRTUAL_ENV", "FORCE_COLOR"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PIP_INDEX_URL", "file:///index")
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    environ = envguard_environ(tmp_path, {"ENVGUARD_STATE": "own"})
    assert {key for key in environ if key.startswith("ENVGUARD")} == {"ENVGUARD_STATE"}
    assert not environ.keys() & {"PIP_TARGET", "PIP_USER", "VIRTUAL_ENV", "FORCE_COLOR"}
    assert environ["TMPDIR"] == str(tmp_path)
    assert "PYTHONPATH" in environ
    assert "PYTHONPATH" not in python_environ(tmp_path)
    assert python_environ(tmp_path)["PIP_INDEX_URL"] == "file:///index"
