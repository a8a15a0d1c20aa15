"""``envguard demo`` from its first line to what it leaves behind, without the network."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.builders.environments import pyenv_python
from tests.builders.story import make_story_wheels, quick_python

_WITHIN_S = 90.0
_CHANGES_THE_DEMO = ("PIP_", "ENVGUARD", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "VIRTUAL_ENV")


class Demo:
    """A demo that runs, and what it prints and leaves behind."""

    def __init__(self, folder: Path, wheels: Path, *arguments: str) -> None:
        self.temporary = folder / "the temporary"  # with a blank, so that it has to be quoted
        self.temporary.mkdir()
        self._out, self._err = folder / "out", folder / "err"
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "envguard.cli.main", "demo", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self._environ(wheels),
                cwd=folder,
                start_new_session=True,
            )

    def _environ(self, wheels: Path) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(_CHANGES_THE_DEMO)}
        pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}
        return {**kept, **pip, "PIP_NO_CACHE_DIR": "1", "TMPDIR": str(self.temporary)}

    @property
    def out(self) -> str:
        """What it printed so far, without what differs from run to run."""
        return re.sub(
            r"(?<=Python 3\.)\d+(\.\d+)?", lambda each: "X.Y" if each[1] else "X", self._out.read_text()
        )

    @property
    def err(self) -> str:
        """What it said beside its output."""
        return self._err.read_text()

    def wait_for(self, text: str) -> None:
        """Wait until it printed this."""
        deadline = time.monotonic() + _WITHIN_S
        while text not in self.out:
            assert self.process.poll() is None, self.out + self.err
            assert time.monotonic() < deadline, self.out + self.err
            time.sleep(0.02)

    def wait_for_child(self, word: str) -> None:
        """Wait until a process runs that it started with this argument."""
        deadline = time.monotonic() + _WITHIN_S
        while not any(word in _command_line(each) for each in self.processes()):
            assert time.monotonic() < deadline, self.out + self.err

    def ended(self) -> int:
        """Wait for its end and answer its exit code."""
        code = self.process.wait(_WITHIN_S)
        assert "Traceback" not in self.err
        return code

    def processes(self) -> list[psutil.Process]:
        """Answer all that it started and that runs: they inherit its temporary folder."""
        return [each for each in psutil.process_iter() if self._started(each)]

    def left(self) -> list[str]:
        """Answer the files and processes that are left."""
        return [
            *map(str, self.temporary.rglob("*")),
            *(str(_command_line(each)) for each in self.processes()),
        ]

    def _started(self, process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.Error):
            return process.environ().get("TMPDIR", "").startswith(str(self.temporary))
        return False


def _command_line(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


Start = Callable[..., Demo]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a demo that finds its packages in a folder; whatever it leaves is ended with the test."""
    started: list[Demo] = []

    def begin(*arguments: str, quick: str | None = None, without: tuple[str, ...] = ()) -> Demo:
        wheels = make_story_wheels(tmp_path / "wheels", without=without)
        if quick is not None:
            arguments = (*arguments, "--python", str(quick_python(tmp_path, quick)))
        started.append(Demo(tmp_path, wheels, *arguments))
        return started[-1]

    yield begin
    for demo in started:
        for process in demo.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        demo.process.wait(_WITHIN_S)


def python_for_old_numpy() -> str:
    """Answer an interpreter with which the demo tells the first of its stories."""
    if (3, 10) <= sys.version_info[:2] <= (3, 12):
        return sys.executable
    found = next(filter(None, map(pyenv_python, ("3.12", "3.11", "3.10"))), None)
    return str(found) if found is not None else pytest.skip("no Python 3.10 to 3.12 under pyenv's versions")


def below(out: str, title: str) -> list[str]:
    """Answer the lines between a title and the one after it."""
    _, found, rest = f"\n{out}".partition(f"\n\n{title}\n")
    assert found, out
    return re.split(r"\n\n(?=a server|the |ws-bob |what )", rest)[0].splitlines()


@pytest.mark.slow
def test_it_tells_the_story_and_leaves_nothing(start: Start) -> None:
    demo = start("--python", python_for_old_numpy())
    assert demo.ended() == 0, demo.err
    assert below(demo.out, "three machines, Python 3.X: installing")[-3:] == [
        "  ws-ann  ready: what the team agreed on",
        "  ws-bob  ready: gym 0.25.2, from an old tutorial",
        "  ws-eve  ready: numpy 2, after a `pip install -U`",
    ]
    ann, bob, eve = below(demo.out, "the same ten lines on each: python train.py")
    assert ann == "  ws-ann  step() returned 5 values"
    assert bob == "  ws-bob  step() returned 4 values"
    assert eve.startswith("  ws-eve  AttributeError: module 'numpy' has no attribute 'bool8'")
    report = below(demo.out, "the team's drift report: envguard team")
    assert report[0] == "1 of 3 machines matches rl-team r1; 2 drift"
    drifted = below(demo.out, "ws-bob looks: envguard check .venv")
    assert drifted[0] == "drifted from `rl-team` r1: 1 error"
    assert re.fullmatch(
        r"\.venv, Python 3\.X\.Y, \d packages .*; policy named in pyproject\.toml:2", drifted[1]
    )
    mend = "'DEMO/ws-bob/.venv/bin/python' -m pip install gym==0.26.2"
    assert drifted[-2:] == [
        f"mend  {mend}",
        "ask   envguard waive gym --env .venv --until fri --reason TEXT",
    ]
    assert below(demo.out, "ws-bob pastes the line") == [
        f"$ {mend}",
        "  done: gym 0.26.2",
    ]
    (first, *_) = below(demo.out, "ws-bob looks again: envguard check .venv")
    assert first == "compliant with `rl-team` r1"
    assert str(demo.temporary) not in demo.out
    assert "\x1b" not in demo.out
    assert demo.err == ""
    assert demo.left() == []


@pytest.mark.slow
def test_a_newer_python_tells_it_with_other_versions_and_what_is_kept_runs_until_its_line_is_pasted(
    start: Start,
) -> None:
    python = pyenv_python("3.13")
    if python is None:
        pytest.skip("no Python 3.13 under pyenv's versions")
    demo = start("--keep", quick=str(python))
    assert demo.ended() == 0, demo.err
    assert "no wheels of numpy 1.26 for Python 3.X: the same story with other versions" in demo.out
    assert below(demo.out, "the same ten lines on each: python train.py") == [
        "  ws-ann  step() returned 5 values",
        "  ws-bob  step() returned 4 values",
        "  ws-eve  ModuleNotFoundError: No module named 'distutils'",
    ]
    assert "\n1 of 3 machines matches rl-team r1; 2 drift\n" in demo.out
    assert "\ncompliant with `rl-team` r1\n" in demo.out
    kinds = [each.cmdline()[3] for each in demo.processes() if "envguard.cli.main" in each.cmdline()]
    assert sorted(kinds) == ["agent", "agent", "agent", "server"]
    assert {each.name for each in demo.temporary.glob("*/ws-???")} == {"ws-ann", "ws-bob", "ws-eve"}
    (line,) = re.findall(r"(?m)^kept until you paste: (.*)$", demo.out)
    subprocess.run(line, shell=True, check=True, timeout=_WITHIN_S)
    assert demo.left() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_a_signal_while_it_makes_environments_leaves_nothing(start: Start, number: signal.Signals) -> None:
    demo = start()
    demo.wait_for_child("ensurepip")
    demo.process.send_signal(number)
    assert demo.ended() == 130
    assert demo.err.strip() == "stopped"
    assert demo.left() == []


@pytest.mark.slow
def test_a_second_ctrl_c_does_not_cut_the_cleaning_short(start: Start) -> None:
    demo = start(quick=sys.executable)
    demo.wait_for("agent    ws-ann")
    assert demo.processes()
    for _ in range(8):
        with contextlib.suppress(ProcessLookupError):
            demo.process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    assert demo.ended() == 130
    assert demo.err.strip() == "stopped"
    assert demo.left() == []


@pytest.mark.slow
def test_an_index_that_lacks_a_package_is_said_in_a_line_and_leaves_nothing(start: Start) -> None:
    demo = start(quick=python_for_old_numpy(), without=("numpy",))
    assert demo.ended() == 3
    error, hint = demo.err.splitlines()
    assert re.match(r"error: installing for ws-\w+ failed: No matching distribution found for numpy", error)
    assert hint == "hint: is a package index in reach?"
    assert demo.left() == []


def test_an_interpreter_that_does_not_exist_is_wrong_usage(start: Start) -> None:
    demo = start("--python", "python-of-nobody")
    assert demo.ended() == 2
    assert demo.err.startswith("error: --python: no such interpreter: `python-of-nobody`\n")
    assert demo.left() == []
