"""``explain`` tells which rule decides, and why it is this policy."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.builders.environments import make_venv
from tests.cli.conftest import Envguard

POLICY = """\
envguard: 1
name: rl-team
lock: rl.txt
packages:
  gym: {version: ==0.26.2, reason: five values}
  pandas: {deny: true}
waivers:
  - {package: gym, until: 2020-01-01, reason: old GPU, approved-by: lead}
  - {package: gym, until: 2099-01-01, reason: an exam, approved-by: lead, machine: elsewhere}
"""


def a_policy_file(folder: Path) -> Path:
    (folder / "rl.txt").write_text("gym==0.26.2\nnumpy==1.26.4; python_version < '3'\n")
    path = folder / "rl-team.yaml"
    path.write_text(POLICY)
    return path


def test_a_package_is_explained_by_all_that_speaks_of_it(envguard: Envguard, project: Path) -> None:
    policy = a_policy_file(project)
    run = envguard("explain", "Gym", "--env", project / ".venv", "--policy", policy, "--json")
    document = run.json()
    assert (run.code, document["schema"]) == (0, "envguard/explanation/1")
    assert document["package"] == "gym"
    assert [each["version"] for each in document["installed"]] == ["0.25.2"]
    assert (document["rule"]["specifier"], document["rule_place"]) == ("==0.26.2", "rl-team.yaml:5")
    assert (document["lock"]["entries"][0]["version"], document["lock"]["is_required"]) == ("0.26.2", True)
    assert [each["state"] for each in document["waivers"]] == ["expired", "only on elsewhere"]
    assert [each["kind"] for each in document["findings"]] == ["version-mismatch"]


def test_a_package_is_explained_in_words(envguard: Envguard, project: Path) -> None:
    run = envguard("explain", "gym", "--env", project / ".venv", "--policy", a_policy_file(project))
    lines = [" ".join(line.split()) for line in run.out.splitlines()]
    assert "installed 0.25.2" in lines
    assert "rule ==0.26.2: five values rl-team.yaml:5" in lines
    assert "lock 0.26.2 rl.txt" in lines
    assert "so version-mismatch: 0.25.2, needs ==0.26.2 rl-team.yaml:5" in lines
    assert "run is refused while it drifts before-run: refuse" in lines


def test_a_run_that_a_policy_only_warns_of_is_told(envguard: Envguard, project: Path) -> None:
    policy = a_policy_file(project)
    policy.write_text(policy.read_text() + "before-run: warn\n")
    run = envguard("explain", "gym", "--env", project / ".venv", "--policy", policy)
    assert "starts with a warning while it drifts" in run.out
    document = envguard("explain", "gym", "--env", project / ".venv", "--policy", policy, "--json").json()
    assert document["before_run"] == "warn"


def test_an_entry_for_other_environments_is_told(envguard: Envguard, project: Path) -> None:
    run = envguard("explain", "numpy", "--env", project / ".venv", "--policy", a_policy_file(project))
    assert "not for this environment (1 for others)" in run.out


def test_the_sources_of_the_policy_are_told_in_their_order(envguard: Envguard, project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team"\n')
    run = envguard("explain", "--env", project / ".venv", "--json")
    document = run.json()
    assert (run.code, document["schema"]) == (0, "envguard/binding/1")
    said = {step["source"]: step["says"] for step in document["steps"] if step["says"]}
    assert said == {"marker in pyproject.toml:2": "rl-team"}
    words = envguard("explain", "--env", project / ".venv").out
    assert any(
        line.split() == ["marker", "in", "pyproject.toml:2", "rl-team", "counts"]
        for line in words.splitlines()
    )


@pytest.mark.parametrize("words", [("--env", ""), ("--policy", ""), ("",)])
def test_a_variable_that_nobody_set_means_nothing(words: tuple[str, ...], envguard: Envguard) -> None:
    run = envguard("explain", *words)
    assert (run.code, "it is empty" in run.err) == (2, True), run.err


@pytest.mark.parametrize("words", [(), ("gym", "--policy", "rl-team.yaml")])
def test_it_is_told_that_another_environment_is_active(
    words: tuple[str, ...], envguard: Envguard, project: Path, tmp_path: Path
) -> None:
    a_policy_file(project)
    other = make_venv(Path(sys.executable), tmp_path / "other")
    run = envguard("explain", *words, cwd=project, VIRTUAL_ENV=str(other))
    assert run.err.startswith("warning: "), run.err


class TestLocks:
    def test_a_lock_is_judged_without_being_installed(self, envguard: Envguard, project: Path) -> None:
        lock = project / "requirements.txt"
        lock.write_text("gym==0.25.2\npandas==2.0\n")
        run = envguard("check", lock, "--policy", a_policy_file(project), "--json")
        assert run.code == 1
        document = run.json()
        assert (document["environment"], document["digest"]) == (str(lock), None)
        assert [(each["kind"], each["package"]) for each in document["findings"]] == [
            ("version-mismatch", "gym"),
            ("denied", "pandas"),
            ("missing", "numpy"),
        ]

    def test_a_lock_that_meets_the_policy_is_compliant(self, envguard: Envguard, project: Path) -> None:
        policy = a_policy_file(project)
        run = envguard("check", project / "rl.txt", "--policy", policy)
        assert (run.code, run.out.splitlines()[0]) == (0, "compliant with `rl-team`")

    def test_the_marker_beside_a_lock_names_its_policy(self, envguard: Envguard, project: Path) -> None:
        a_policy_file(project)
        (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team.yaml"\n')
        assert envguard("check", project / "rl.txt").code == 0

    def test_without_a_policy_a_lock_is_not_judged_by_itself(self, envguard: Envguard, project: Path) -> None:
        (project / "rl.txt").write_text("gym==0.25.2\n")
        run = envguard("check", project / "rl.txt")
        assert run.code == 2
        assert "hint: envguard check LOCK --policy FILE" in run.err
