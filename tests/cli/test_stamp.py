"""``stamp`` writes down where one is, and ``diff`` compares two runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.builders.environments import install
from tests.cli.conftest import Envguard
from tests.cli.test_schemas import hold

GYM = "envguard: 1\nname: rl-team\npackages:\n  gym: ==0.25.2\n"


@pytest.fixture
def judged(project: Path) -> Path:
    (project / "rl-team.yaml").write_text(GYM)
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team.yaml"\n')
    return project


def receipt(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "receipt.json").read_text())
    return document


def test_a_stamp_says_where_one_is_and_what_is_said_of_it(envguard: Envguard, judged: Path) -> None:
    params = ["--param", "lr=0.1", "--param", "seed=7", "--param", "data=v3=x", "--param", "amp=true"]
    run = envguard("stamp", "runs/42", *params, cwd=judged)
    assert (run.code, run.out) == (0, "stamped runs/42: .venv, compliant\n")
    found = receipt(judged / "runs" / "42")
    hold(found, "receipt-1")
    assert (found["id"], found["command"], found["exit_code"]) == ("42", [], None)
    assert found["parameters"] == {"lr": 0.1, "seed": 7, "data": "v3=x", "amp": True}
    assert found["judgement"]["verdict"]["policy"]["name"] == "rl-team"


def test_a_stamp_needs_no_policy_and_no_compliance(envguard: Envguard, project: Path) -> None:
    run = envguard("stamp", "runs/1", "--json", cwd=project)
    assert run.code == 0
    assert run.json()["judgement"]["verdict"]["verdict"] == "unmanaged"
    (project / "rl.yaml").write_text(GYM.replace("0.25.2", "1"))
    assert (
        envguard("stamp", "runs/2", "--policy", "rl.yaml", cwd=project).out
        == "stamped runs/2: .venv, drifted\n"
    )


def test_a_second_stamp_adds_parameters_and_changes_nothing_else(envguard: Envguard, judged: Path) -> None:
    envguard("stamp", "runs/1", "--param", "lr=1", "--param", "a=b", cwd=judged)
    before = receipt(judged / "runs" / "1")
    assert envguard("stamp", "runs/1", "--param", "lr=2", cwd=judged).code == 0
    assert receipt(judged / "runs" / "1") == {**before, "parameters": {"lr": 2, "a": "b"}}
    nothing = envguard("stamp", "runs/1", cwd=judged)
    assert (nothing.code, "there is a receipt already" in nothing.err) == (2, True)


@pytest.mark.parametrize("param", ["lr", "=1", ""])
def test_a_parameter_without_name_or_value_is_wrong_usage(
    envguard: Envguard, judged: Path, param: str
) -> None:
    assert envguard("stamp", "runs/1", "--param", param, cwd=judged).code == 2
    assert not (judged / "runs").exists()


def test_a_script_stamps_its_own_process(judged: Path, tmp_path: Path) -> None:
    script = (
        "import envguard, pathlib, math\n"
        "params = {'lr': 0.1, 'big': 1 << 70, 'nan': math.nan, 'at': pathlib.Path('x')}\n"
        "envguard.stamp('runs/7', params=params)\n"
        "envguard.stamp(pathlib.Path('runs/7'), {'seed': 3})\n"
    )
    environ = {
        **os.environ,
        "ENVGUARD_STATE": str(tmp_path / "state"),
        "ENVGUARD_CACHE": str(tmp_path / "cache"),
    }
    command = [sys.executable, "-c", script, "--token", "s3cret"]
    subprocess.run(command, cwd=judged, env=environ, check=True, timeout=60)
    found = receipt(judged / "runs" / "7")
    assert found["parameters"] == {"lr": 0.1, "big": str(1 << 70), "nan": "nan", "at": "x", "seed": 3}
    assert found["judgement"]["verdict"]["environment"] == sys.prefix
    assert found["command"][-2:] == ["--token", "***"]
    assert found["end"] is None


def test_a_script_whose_folder_is_gone_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    script = (
        "import envguard, os\n"
        "from envguard.errors import EnvguardError\n"
        "os.rmdir('../x')\n"
        "try: envguard.stamp('/nowhere/7')\n"
        "except EnvguardError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path / "x", capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("the current folder is gone\n", "")


def test_what_a_guarded_script_says_of_its_run_is_in_the_receipt(envguard: Envguard, judged: Path) -> None:
    script = (
        "import subprocess, sys\n"
        'inner = \'import envguard; envguard.stamp("runs/9", {"lr": 1})\'\n'
        f"subprocess.run([{sys.executable!r}, '-c', inner])\n"
    )
    run = envguard("run", "--receipt", "runs/9", "--", ".venv/bin/python", "-c", script, cwd=judged)
    assert run.code == 0
    found = receipt(judged / "runs" / "9")
    assert (found["parameters"], found["exit_code"]) == ({"lr": 1}, 0)


def test_two_runs_are_compared_by_their_receipts(envguard: Envguard, judged: Path) -> None:
    envguard("stamp", "runs/41", "--param", "lr=0.1", cwd=judged)
    install(judged / ".venv", numpy="2.1.0")
    envguard("stamp", "runs/42", "--param", "lr=0.2", cwd=judged)
    run = envguard("diff", "runs/41", "runs/42/receipt.json", cwd=judged)
    assert run.code == 1
    assert run.out.splitlines()[0] == "1 package only in B; 1 thing of the runs differs"
    assert "numpy" in run.out
    assert [line.split() for line in run.out.splitlines() if "lr" in line] == [
        ["parameter", "lr", "0.1", "0.2"]
    ]
    document = envguard("diff", "runs/41", "runs/42", "--json", cwd=judged).json()
    hold(document, "diff-1")
    assert document["runs"] == [{"field": "parameter lr", "a": "0.1", "b": "0.2"}]
    assert envguard("diff", "runs/42", "runs/42", cwd=judged).code == 0


def test_a_run_is_compared_with_what_is_there_now(envguard: Envguard, judged: Path) -> None:
    envguard("stamp", "runs/41", cwd=judged)
    assert envguard("diff", "runs/41", ".venv", cwd=judged).code == 0
    install(judged / ".venv", numpy="2.1.0")
    assert envguard("diff", "runs/41", ".venv", cwd=judged).code == 1


def test_a_broken_receipt_is_an_error_with_its_place(envguard: Envguard, judged: Path) -> None:
    (judged / "runs").mkdir()
    (judged / "runs" / "receipt.json").write_text('{"schema": "envguard/receipt/1"}')
    run = envguard("diff", "runs", ".venv", cwd=judged)
    assert (run.code, "runs: not a receipt that this envguard can read" in run.err) == (3, True)
    stamped = envguard("stamp", "runs", "--param", "a=1", cwd=judged)
    assert (stamped.code, "cannot be read" in stamped.err) == (3, True)
