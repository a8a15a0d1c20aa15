"""An environment whose path is not UTF-8 is judged, bound, checked and told as every other."""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path

import pytest

from tests.builders.environments import install, make_venv
from tests.cli.conftest import Envguard

POLICY = "envguard: 1\nname: rl-team\npackages:\n  gym: ==0.26.2\n"
MARKER = '[tool.envguard]\npolicy = "rl-team.yaml"\n'


@pytest.fixture
def strange(tmp_path: Path) -> Path:
    """A project in a folder with a byte that is no text, whose environment drifted from its policy."""
    made = tmp_path / "text"
    made.mkdir()
    install(make_venv(Path(sys.executable), made / ".venv"), gym="0.25.2")
    (made / "rl-team.yaml").write_text(POLICY)
    return made.rename(tmp_path / os.fsdecode(b"no\xfftext"))  # `venv` itself cannot make one there


def as_base64(path: Path) -> str:
    return base64.b64encode(os.fsencode(path)).decode()


def test_a_verdict_has_the_bytes_of_the_path(envguard: Envguard, strange: Path, project: Path) -> None:
    policy = strange / "rl-team.yaml"
    verdict = envguard("check", strange / ".venv", "--policy", policy, "--json").json()
    assert verdict["environment"].endswith("/no\\xfftext/.venv")
    assert verdict["path_bytes"] == as_base64(strange / ".venv")
    plain = envguard("check", project / ".venv", "--policy", policy, "--json").json()
    assert (plain["environment"], plain["path_bytes"]) == (str(project / ".venv"), None)


def test_each_verdict_of_a_machine_has_them(envguard: Envguard, strange: Path) -> None:
    found = envguard("check", "--all", "--json", HOME=str(strange)).json()["verdicts"]
    assert as_base64(strange / ".venv") in [each["path_bytes"] for each in found]


def test_a_side_of_a_comparison_has_them(envguard: Envguard, strange: Path, project: Path) -> None:
    document = envguard("diff", strange / ".venv", project / ".venv", "--json").json()
    assert (document["a"]["path_bytes"], document["b"]["path_bytes"]) == (as_base64(strange / ".venv"), None)


def test_a_command_that_the_shell_would_not_understand_is_not_proposed(
    envguard: Envguard, strange: Path
) -> None:
    run = envguard("check", strange / ".venv", "--policy", strange / "rl-team.yaml")
    assert (run.code, "mend" in run.out) == (1, False)


def test_its_project_names_its_policy(envguard: Envguard, strange: Path) -> None:
    (strange / "pyproject.toml").write_text(MARKER)
    run = envguard("check", strange / ".venv")
    assert (run.code, run.err) == (1, "")


def test_its_project_has_a_lock(envguard: Envguard, strange: Path) -> None:
    (strange / "requirements.txt").write_text("gym==0.25.2\n")
    assert envguard("check", strange / ".venv").code == 0


def test_it_can_be_bound_and_is_found_by_that(envguard: Envguard, strange: Path, tmp_path: Path) -> None:
    assert envguard("use", "rl-team", strange / ".venv").code == 0
    run = envguard("check", "--all", "--json", HOME=str(tmp_path / "cwd"))
    bound = [each for each in run.json()["verdicts"] if each["path_bytes"]]
    assert [(each["path_bytes"], each["verdict"]) for each in bound] == [
        (as_base64(strange / ".venv"), "unknown")
    ]
    assert envguard("use", "rl-team", strange / ".venv", "--end").code == 0


def test_its_files_can_be_checked(envguard: Envguard, strange: Path) -> None:
    run = envguard("scan", strange / ".venv", "--integrity", "--json")
    assert run.err == ""
    assert run.json()["environments"][0]["integrity"]["modified"] == []
