"""A home that is not there, that nobody can write to, or that is none: judged and run all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from envguard.runs.guard_text import guard_text
from tests.builders.environments import site_packages

COMMAND = [sys.executable, "-m", "envguard.cli.main"]
POLICY = "envguard: 1\nname: rl-team\npackages:\n  gym: ==0.25.2\n"
HOMES = {
    "none": None,
    "empty": "",
    "no folder": "/dev/null",
    "read-only": "/proc/1",
    "absent": "/proc/1/none",
}


@pytest.fixture
def judged(project: Path) -> Path:
    (project / "rl-team.yaml").write_text(POLICY)
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team.yaml"\n')
    return project


@pytest.mark.parametrize("home", list(HOMES))
@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["scan", ".venv"],
        ["status"],
        ["run", "--", ".venv/bin/python", "-c", ""],
        ["stamp", "kept"],
        ["runs"],
        [],
    ],
    ids=lambda arguments: " ".join(arguments[:1]) or "envguard",
)
def test_every_command_does_its_work_without_a_home(home: str, arguments: list[str], judged: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    if HOMES[home] is not None:
        environ["HOME"] = str(HOMES[home])
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=judged,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("home", list(HOMES))
def test_a_script_is_judged_without_a_home(home: str, judged: Path) -> None:
    environ = {"PATH": str(Path(sys.executable).parent)}
    if HOMES[home] is not None:
        environ["HOME"] = str(HOMES[home])
    (site_packages(judged / ".venv") / "envguard_guard.py").write_text(guard_text(), encoding="ascii")
    text = "import envguard_guard; print(envguard_guard.require().verdict)"
    python = str(judged / ".venv" / "bin" / "python")
    done = subprocess.run(
        [python, "-c", text], cwd=judged, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("compliant\n", "")
