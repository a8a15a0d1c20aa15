"""``scan --integrity`` on real environments."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.environments import install, site_packages
from tests.cli.conftest import Envguard


def test_a_changed_file_is_named(envguard: Envguard, project: Path) -> None:
    install(project / ".venv", numpy="1.26.4")
    (site_packages(project / ".venv") / "gym.py").write_text("__version__ = '0.25.3'\n")
    (environment,) = envguard("scan", project / ".venv", "--integrity", "--json").json()["environments"]
    integrity = environment["integrity"]
    assert integrity["modified"] == ["gym"]
    assert integrity["files"] == {"gym": ["gym.py"]}
    assert integrity["unchecked"] == []
    run = envguard("scan", ".venv", "--integrity", "-v", cwd=project)
    assert run.code == 0
    assert run.out.splitlines()[-2:] == [".venv: changed after installation: gym", ".venv: gym: gym.py"]


def test_without_the_option_nobody_looked(envguard: Envguard, project: Path) -> None:
    (environment,) = envguard("scan", project / ".venv", "--json").json()["environments"]
    assert environment["integrity"] is None


def test_a_terminal_is_shown_a_bar_with_bytes_and_the_output_stays_data(project: Path) -> None:
    pty = pytest.importorskip("pty", reason="no terminals of this kind here")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "envguard.cli.main", "scan", ".venv", "--integrity", "--json"]
    environ = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"}
    with (project / "out.json").open("w") as out:
        run = subprocess.Popen(command, cwd=project, env=environ, stdout=out, stderr=theirs)
        os.close(theirs)
        told = drained(ours)
        assert run.wait(timeout=60) == 0
    assert ".venv" in told
    assert "bytes" in told
    assert json.loads((project / "out.json").read_text())["schema"] == "envguard/scan/1"


def drained(terminal: int) -> str:
    """Answer all that a terminal gets until nobody has it open any more."""
    got = b""
    with contextlib.suppress(OSError):  # how Linux says that the other end is closed
        while more := os.read(terminal, 4096):
            got += more
    os.close(terminal)
    return got.decode()


@pytest.mark.parametrize("order", [("pylock.toml", "--integrity"), ("--integrity", "pylock.toml")])
def test_nothing_of_a_lock_can_be_hashed_and_that_is_said(
    envguard: Envguard, tmp_path: Path, order: tuple[str, str]
) -> None:
    (tmp_path / "pylock.toml").write_text('lock-version = "1.0"\ncreated-by = "t"\npackages = []\n')
    (tmp_path / "t.yaml").write_text("envguard: 1\nname: t\n")
    run = envguard("check", *order, "--policy", "t.yaml", cwd=tmp_path)
    assert (run.code, run.out) == (2, "")
    assert "--integrity hashes what is installed, and pylock.toml is a lock" in run.err
