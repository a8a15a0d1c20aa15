"""A rebuild that is stopped leaves nothing; one that is killed leaves what the next one sweeps."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.builders.environments import install, make_venv
from tests.builders.projects import make_sdist
from tests.cli.conftest import Envguard
from tests.inventory.oracle.children import clean_environ

SLOW = """
import os, pathlib, time
pathlib.Path({begun!r}).write_text(str(os.getpid()))
while pathlib.Path({slow!r}).exists():
    time.sleep(0.05)
"""
WITHIN_S = 60


class Slow(msgspec.Struct, frozen=True):
    """A rebuild that takes as long as a file is there."""

    project: Path
    environ: dict[str, str]
    begun: Path
    slow: Path

    @property
    def made(self) -> Path:
        """The folder that it makes."""
        return self.project / ".venv-42"

    @property
    def command(self) -> list[str]:
        """What begins it."""
        sources = ["--no-index", "--find-links", str(self.project.parent / "files")]
        return [sys.executable, "-m", "envguard.cli.main", "rebuild", "runs/42", *sources]

    def wait_until_it_builds(self) -> int:
        """Answer the process that builds."""
        until_s = time.monotonic() + WITHIN_S
        while not self.begun.exists() or not self.begun.read_text():
            assert time.monotonic() < until_s
            time.sleep(0.02)
        return int(self.begun.read_text())


@pytest.fixture
def slow(envguard: Envguard, tmp_path: Path) -> Iterator[Slow]:
    project, begun, file = tmp_path / "project", tmp_path / "begun", tmp_path / "slow"
    project.mkdir()
    make_sdist(tmp_path / "files", "slow", "1", while_building=SLOW.format(begun=str(begun), slow=str(file)))
    install(make_venv(Path(sys.executable), project / ".venv"), slow="1")
    assert envguard("stamp", "runs/42", cwd=project).code == 0
    own = {"ENVGUARD_STATE": str(tmp_path / "state"), "ENVGUARD_CACHE": str(tmp_path / "cache")}
    repository = str(Path(__file__).parents[2])
    file.write_text("")
    environ = {**clean_environ(tmp_path), **own, "PYTHONPATH": repository, "HOME": str(tmp_path)}
    yield Slow(project, environ, begun, file)
    file.unlink(missing_ok=True)


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(process: int) -> None:
    until_s = time.monotonic() + WITHIN_S
    while is_alive(process):
        assert time.monotonic() < until_s
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_is_stopped_leaves_nothing(slow: Slow, number: signal.Signals) -> None:
    with subprocess.Popen(
        slow.command, cwd=slow.project, env=slow.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        builder = slow.wait_until_it_builds()
        assert slow.made.is_dir()
        process.send_signal(number)
        out, err = process.communicate(timeout=WITHIN_S)
    assert (process.returncode, out, err) == (130, b"", b"\nstopped\n")
    assert not slow.made.exists()
    wait_until_gone(builder)


def test_what_is_killed_is_swept_by_the_next_once_its_children_are_gone(slow: Slow) -> None:
    with subprocess.Popen(slow.command, cwd=slow.project, env=slow.environ) as process:
        builder = slow.wait_until_it_builds()
        process.kill()
    assert (slow.made / ".envguard-unfinished").is_dir()
    busy = subprocess.run(
        slow.command, cwd=slow.project, env=slow.environ, capture_output=True, text=True, check=False
    )
    assert (busy.returncode, "somebody is making an environment there" in busy.stderr) == (3, True)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(os.getpgid(builder), signal.SIGKILL)
    wait_until_gone(builder)
    slow.slow.unlink()
    done = subprocess.run(
        slow.command, cwd=slow.project, env=slow.environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (
        0,
        "note: swept what an earlier rebuild left there unfinished\n",
    )
    assert not (slow.made / ".envguard-unfinished").exists()


def test_a_terminal_is_told_what_is_done(slow: Slow) -> None:
    master, end = pty.openpty()
    environ = {**slow.environ, "TERM": "xterm"}
    with subprocess.Popen(
        slow.command, cwd=slow.project, env=environ, stdout=subprocess.DEVNULL, stderr=end
    ) as process:
        os.close(end)
        shown = b""
        while b"installing 1 package" not in shown:
            shown += os.read(master, 4096)
        slow.slow.unlink()
        with contextlib.suppress(OSError):
            while os.read(master, 4096):
                pass
    os.close(master)
    assert process.returncode == 0
