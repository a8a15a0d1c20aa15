"""Where things are printed, and with what."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.environments import install, make_venv
from tests.cli.conftest import Envguard

pty = pytest.importorskip("pty", reason="no terminals of this kind here")

POLICY = "envguard: 1\nname: rl-team\npackages:\n  gym: ==0.26.2\n"


def on_a_terminal(*arguments: str | Path, **environ: str) -> str:
    """Run a command whose standard output is a terminal, and answer what the terminal got."""
    ours, theirs = pty.openpty()
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ENVGUARD", "NO_COLOR"))}
    subprocess.run(
        [sys.executable, "-m", "envguard.cli.main", *map(str, arguments)],
        env={**kept, "TERM": "xterm-256color", "COLUMNS": "80", **environ},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    got = b""
    while True:
        try:
            more = os.read(ours, 4096)
        except OSError:
            break
        if not more:
            break
        got += more
    os.close(ours)
    return got.decode()


@pytest.fixture
def policy(project: Path) -> Path:
    """A policy from which the project's environment drifted."""
    path = project / "rl-team.yaml"
    path.write_text(POLICY)
    return path


def test_a_terminal_gets_colour(project: Path, policy: Path, tmp_path: Path) -> None:
    got = on_a_terminal("check", project / ".venv", "--policy", policy, ENVGUARD_STATE=str(tmp_path))
    assert "\x1b[31mdrifted from `rl-team`" in got


def test_no_color_means_no_escape_sequences_at_all(project: Path, policy: Path, tmp_path: Path) -> None:
    environ = {"ENVGUARD_STATE": str(tmp_path), "NO_COLOR": "1"}
    got = on_a_terminal("check", project / ".venv", "--policy", policy, **environ)
    assert "drifted from `rl-team`" in got
    assert "\x1b" not in got


@pytest.mark.parametrize("command", ["check", "scan"])
def test_what_is_no_terminal_gets_no_escape_sequences(
    envguard: Envguard, project: Path, policy: Path, command: str
) -> None:
    options = ["--policy", policy] if command == "check" else []
    run = envguard(command, project / ".venv", *options)
    assert run.out
    assert "\x1b" not in run.out + run.err


def test_paths_are_relative_to_the_current_folder_and_commands_are_not(
    envguard: Envguard, project: Path, policy: Path
) -> None:
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team.yaml"\n')
    out = envguard("check", cwd=project, VIRTUAL_ENV=str(project / ".venv")).out
    python = sys.version.split()[0]
    assert out.splitlines()[1] == (
        f".venv, Python {python}, 1 package (active); policy named in pyproject.toml:2"
    )
    assert f"{project}/.venv/bin/python" in out.splitlines()[-1]
    assert (
        "(active: VIRTUAL_ENV)"
        in envguard("check", "-v", cwd=project, VIRTUAL_ENV=str(project / ".venv")).out
    )
    assert "~/project/.venv" in envguard("scan", project / ".venv", HOME=str(project.parent)).out


def test_an_escape_sequence_in_a_path_never_reaches_the_terminal(
    envguard: Envguard, project: Path, policy: Path
) -> None:
    environment = make_venv(Path(sys.executable), project / "\x1b[31m.venv")
    install(environment, gym="0.25.2")
    for run in (
        envguard("check", environment, "--policy", policy),
        envguard("scan", environment, "-v"),
        envguard("check", project / "\x1b[31mnowhere"),
    ):
        assert "\x1b" not in run.out + run.err
        assert "\\x1b" in run.out + run.err


@pytest.mark.parametrize("columns", ["0", "1", "15", "wide"])
def test_any_number_of_columns_will_do(envguard: Envguard, project: Path, policy: Path, columns: str) -> None:
    run = envguard("check", project / ".venv", "--policy", policy, COLUMNS=columns)
    assert (run.code, run.err) == (1, "")
