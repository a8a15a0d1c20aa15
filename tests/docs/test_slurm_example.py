"""The scripts for Slurm, run by the shells there are, with the variables that Slurm sets; without Slurm."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.builders.environments import install, make_venv

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
PROLOG, TASK_PROLOG = EXAMPLES / "slurm-prolog.sh", EXAMPLES / "slurm-task-prolog.sh"
BIN = Path(sys.executable).parent
SHELLS = ("/bin/sh", "/bin/bash")
JOB = {"SLURM_JOB_ID": "41", "SLURM_JOB_USER": "ann", "SLURM_JOB_UID": "1000", "SLURMD_NODENAME": "n7"}
TASK = {**JOB, "SLURM_LOCALID": "0", "SLURM_PROCID": "8"}
each_shell = pytest.mark.parametrize("shell", SHELLS)
each_script = pytest.mark.parametrize("script", [PROLOG, TASK_PROLOG], ids=lambda path: path.name)


def run(shell: str, script: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shell, str(script)],
        cwd=script.parent,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@each_shell
@each_script
def test_shells_understand_it_and_slurm_can_start_it(shell: str, script: Path) -> None:
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert os.access(script, os.X_OK)


class Node:
    """The prolog, with programs of a node in the first folder of the path that it sets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        text = PROLOG.read_text()
        assert text.count("\nPATH=/usr/sbin:") == 1
        self.prolog = folder / "prolog.sh"
        self.prolog.write_text(text.replace("\nPATH=", f"\nPATH={folder}:"))

    def has(self, program: str, script: str) -> None:
        """Let a program of the node note its arguments and do this."""
        path = self.folder / program
        path.write_text(f"#!/bin/sh\necho {program} \"$@\" >> '{self.folder}/asked'\n{script}\n")
        path.chmod(0o755)

    @property
    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines()


@pytest.fixture
def node(tmp_path: Path) -> Node:
    made = Node(tmp_path)
    made.has("logger", "")
    return made


@each_shell
def test_an_agent_that_lives_is_left_alone(node: Node, shell: str) -> None:
    node.has("systemctl", "exit 0")
    done = run(shell, node.prolog, **JOB)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert node.asked == ["systemctl --quiet is-active envguard-agent.service"]


@each_shell
def test_an_agent_that_is_down_is_started_without_waiting_and_logged(node: Node, shell: str) -> None:
    node.has("systemctl", 'case "$*" in *is-active*) exit 3 ;; esac')
    assert run(shell, node.prolog, **JOB).returncode == 0
    assert node.asked[1:] == [
        "systemctl --no-block start envguard-agent.service",
        "logger -t envguard job 41 of ann: the agent was down, starting it",
    ]


@pytest.mark.parametrize("script", ["exit 1", "kill -9 $$", "echo noise; echo noise >&2; exit 4"])
def test_nothing_that_fails_drains_the_node(node: Node, script: str) -> None:
    for program in ("systemctl", "logger"):
        node.has(program, script)
    done = run("/bin/sh", node.prolog)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.slow
def test_what_hangs_is_given_up(node: Node) -> None:
    for program in ("systemctl", "logger"):
        node.has(program, "trap '' TERM; sleep 30 & wait; sleep 30")
    began = time.monotonic()
    assert run("/bin/sh", node.prolog, **JOB).returncode == 0
    assert time.monotonic() - began < 20


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A job's folder: an environment, a policy, and the task prolog."""
    make_venv(Path(sys.executable), tmp_path / ".venv")
    (tmp_path / "rl-team.yaml").write_text('envguard: 1\nname: rl-team\npackages: {gym: "==0.26.2"}\n')
    (tmp_path / "pyproject.toml").write_text('[tool.envguard]\npolicy = "./rl-team.yaml"\n')
    shutil.copy(TASK_PROLOG, tmp_path)
    return tmp_path


def task_prolog(shell: str, job: Path, path: str = f"{BIN}:/usr/bin:/bin", **others: str) -> list[str]:
    """What it prints for the first task of a node."""
    done = run(shell, job / TASK_PROLOG.name, PATH=path, HOME=str(job), **{**TASK, **others})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@each_shell
def test_the_task_is_told_of_drift_in_the_words_that_slurm_prints(job: Path, shell: str) -> None:
    told = task_prolog(shell, job)
    assert told[0] == "print drifted from `rl-team`: 1 error"
    assert any(line.startswith("print mend  ") for line in told)
    assert [line for line in told if not line.startswith("print ")] == []


@each_shell
def test_a_compliant_task_is_told_nothing(job: Path, shell: str) -> None:
    install(job / ".venv", gym="0.26.2")
    assert task_prolog(shell, job) == []


def test_what_cannot_be_decided_is_told_and_what_nobody_asked_is_not(job: Path) -> None:
    (job / "rl-team.yaml").unlink()
    assert task_prolog("/bin/sh", job)[0].startswith("print error: ")
    (job / "pyproject.toml").unlink()
    assert task_prolog("/bin/sh", job) == []


def test_one_task_of_each_node_asks(job: Path) -> None:
    assert task_prolog("/bin/sh", job, SLURM_LOCALID="1") == []


def test_a_node_without_envguard_stops_no_task(job: Path) -> None:
    assert task_prolog("/bin/sh", job, "/usr/bin:/bin") == []


def test_a_command_that_dies_is_told(job: Path) -> None:
    command = job / "envguard"
    command.write_text("#!/bin/sh\nkill -9 $$\n")
    command.chmod(0o755)
    assert task_prolog("/bin/sh", job, f"{job}:/usr/bin:/bin") == ["print envguard gave no answer"]
