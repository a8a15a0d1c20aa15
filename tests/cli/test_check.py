"""``check`` judges real environments, and says what to do about it."""

from __future__ import annotations

import re
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

from envguard.domain.environment import Integrity
from envguard.inventory import read_environment
from envguard.state import Identity, KeptCheck, open_state
from tests.builders.environments import install, site_packages
from tests.cli.conftest import Envguard

NOW = datetime(2026, 11, 25, tzinfo=timezone.utc)
GYM = "envguard: 1\nname: rl-team\npackages:\n  gym: {version: ==0.26.2, reason: five values}\n"


def a_policy_file(folder: Path, text: str = GYM) -> Path:
    path = folder / "rl-team.yaml"
    path.write_text(text)
    return path


def test_drift_is_exit_1_with_expected_actual_reason_place_and_fix(envguard: Envguard, project: Path) -> None:
    run = envguard("check", project / ".venv", "--policy", a_policy_file(project), "--json")
    assert run.code == 1
    document = run.json()
    assert document["schema"] == "envguard/verdict/1"
    assert document["verdict"] == "drifted"
    (finding,) = document["findings"]
    assert finding["expected"] == "==0.26.2"
    assert finding["actual"] == "0.25.2"
    assert finding["place"] == "rl-team.yaml:4"
    assert finding["fix"].endswith("gym==0.26.2")


def test_the_mended_environment_is_compliant(envguard: Envguard, project: Path) -> None:
    policy = a_policy_file(project)
    for dist_info in site_packages(project / ".venv").glob("gym-*.dist-info"):
        dist_info.rename(dist_info.with_name("gym-0.26.2.dist-info"))
        metadata = dist_info.with_name("gym-0.26.2.dist-info") / "METADATA"
        metadata.write_text(metadata.read_text().replace("0.25.2", "0.26.2"))
    run = envguard("check", project / ".venv", "--policy", policy)
    assert (run.code, run.out.splitlines()[0]) == (0, "compliant with `rl-team`")


def test_a_verdict_reads_well_at_80_columns_and_without_colour(envguard: Envguard, project: Path) -> None:
    run = envguard("check", project / ".venv", "--policy", a_policy_file(project))
    assert "\x1b" not in run.out
    assert run.out.startswith("drifted from `rl-team`: 1 error")
    assert "gym 0.25.2, needs ==0.26.2" in run.out
    assert "mend" in run.out


def test_metadata_that_cannot_be_read_is_unknown(envguard: Envguard, project: Path) -> None:
    install(project / ".venv", numpy="1.26.4")
    (site_packages(project / ".venv") / "numpy-1.26.4.dist-info" / "METADATA").write_text("")
    run = envguard("check", project / ".venv", "--policy", a_policy_file(project), "--json")
    assert (run.code, run.json()["verdict"]) == (3, "unknown")


def test_an_environment_without_interpreter_is_unknown(envguard: Envguard, project: Path) -> None:
    for python in (project / ".venv/bin").glob("python*"):
        python.unlink()
    run = envguard("check", project / ".venv", "--policy", a_policy_file(project))
    assert run.code == 3


def test_the_project_s_marker_names_the_policy(envguard: Envguard, project: Path) -> None:
    a_policy_file(project)
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team.yaml"\n')
    run = envguard("check", cwd=project)
    assert run.code == 1
    assert "policy named in pyproject.toml:2" in re.sub(r"\s+", " ", run.out)


def test_without_a_policy_the_project_s_lock_judges_and_says_so(envguard: Envguard, project: Path) -> None:
    (project / "requirements.txt").write_text("gym==0.25.2\n")
    run = envguard("check", cwd=project)
    assert run.code == 0
    assert "no policy; judged by the lock requirements.txt" in re.sub(r"\s+", " ", run.out)


def test_nothing_to_judge_by_is_wrong_usage(envguard: Envguard, project: Path) -> None:
    run = envguard("check", cwd=project)
    assert run.code == 2
    assert "hint:" in run.err


def test_a_named_policy_that_cannot_be_had_is_never_the_lock_instead(
    envguard: Envguard, project: Path
) -> None:
    (project / "requirements.txt").write_text("gym==0.25.2\n")
    run = envguard("check", "--json", cwd=project, ENVGUARD_POLICY="rl-team")
    assert run.code == 3
    assert run.json()["schema"] == "envguard/error/1"


def test_use_binds_an_environment(envguard: Envguard, project: Path) -> None:
    assert envguard("use", "rl-team", project / ".venv").code == 0
    run = envguard("check", project / ".venv")
    assert run.code == 3
    assert "bound by `envguard use`" in run.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check", "nowhere"], 3),
        (["check", "--policy", "gone.yaml", sys.prefix], 3),
        (["check", "--nonsense"], 2),
        (["policy", "lint", "gone.yaml"], 2),
        (["join", "not-a-join-string"], 2),
        (["nonsense"], 2),
    ],
)
def test_what_cannot_be_done_is_one_paragraph_and_an_exit_code(
    envguard: Envguard, arguments: list[str], code: int
) -> None:
    run = envguard(*arguments)
    assert run.code == code
    assert run.err


def test_envguard_alone_works_with_nothing_set_up(envguard: Envguard) -> None:
    run = envguard()
    assert run.code == 0
    assert "envguard check" in run.out


def test_every_command_has_help_with_an_example(envguard: Envguard) -> None:
    for command in ("scan", "check", "use", "join", "agent", "status", "server", "team", "demo", "version"):
        run = envguard(command, "--help")
        assert run.code == 0
        assert "Example: envguard" in run.out


def test_a_joined_machine_is_looked_at_where_its_owner_said(
    envguard: Envguard, project: Path, tmp_path: Path
) -> None:
    state = open_state(tmp_path / "state")
    roots = (str(project),)
    identity = Identity(machine="m1", name="ws-1", url="http://127.0.0.1:1", interval_s=60, roots=roots)
    state.join(identity, "secret")
    verdicts = envguard("check", "--all", "--json").json()
    assert [each["environment"] for each in verdicts["verdicts"]] == [str(project / ".venv")]
    scan = envguard("scan", "--json").json()
    assert [each["path"] for each in scan["environments"]] == [str(project / ".venv")]


def test_scan_prints_each_environment_as_json(envguard: Envguard, project: Path) -> None:
    document = envguard("scan", project / ".venv", "--json").json()
    assert document["schema"] == "envguard/scan/1"
    (environment,) = document["environments"]
    packages = {each["name"]: each for each in environment["snapshot"]["packages"]}
    assert packages["gym"] == {
        "name": "gym",
        "version": "0.25.2",
        "origin": {"kind": "index"},
        "installer": "envguard-tests",
    }


def test_a_local_file_with_a_package_s_import_name_is_a_warning_of_this_place_only(
    envguard: Envguard, project: Path, tmp_path: Path
) -> None:
    policy = a_policy_file(project, GYM.replace("0.26.2", "0.25.2"))
    (tmp_path / "cwd" / "gym.py").touch()
    run = envguard("check", project / ".venv", "--policy", policy, "--json")
    verdict = run.json()
    assert (run.code, verdict["verdict"]) == (0, "compliant")
    (finding,) = verdict["findings"]
    assert (finding["kind"], finding["severity"], finding["package"]) == ("shadowed", "warn", "gym")
    assert finding["actual"] == str(tmp_path / "cwd" / "gym.py")
    assert "`import gym`" in envguard("check", project / ".venv", "--policy", policy).out
    elsewhere = envguard("check", project / ".venv", "--policy", policy, "--json", cwd=project).json()
    assert (elsewhere["findings"], elsewhere["digest"]) == ([], verdict["digest"])
    python_path = str(tmp_path / "cwd")
    run = envguard("check", "--policy", policy, "--json", cwd=project, PYTHONPATH=python_path)
    assert [each["kind"] for each in run.json()["findings"]] == ["shadowed"]


INTEGRITY = GYM.replace("0.26.2", "0.25.2") + "integrity: error\n"


def test_what_the_agent_found_of_files_counts_while_it_holds(
    envguard: Envguard, project: Path, tmp_path: Path
) -> None:
    policy, state = a_policy_file(project, INTEGRITY), open_state(tmp_path / "state")
    record = read_environment(project / ".venv").record
    found = KeptCheck(digest=record.digest, tried_at=NOW, found=Integrity(NOW, ("gym",)))
    state.keep_checks({record.path: found})
    run = envguard("check", project / ".venv", "--policy", policy, "--json")
    assert [(each["kind"], each["package"]) for each in run.json()["findings"]] == [("modified-files", "gym")]
    install(project / ".venv", numpy="1.26.4")
    assert envguard("check", project / ".venv", "--policy", policy, "--json").json()["findings"] == []
    (tmp_path / "state" / "integrity.json").write_text("{")
    assert envguard("check", project / ".venv", "--policy", policy).code == 0


def test_files_are_hashed_before_it_is_judged_where_that_is_wanted(envguard: Envguard, project: Path) -> None:
    policy = a_policy_file(project, INTEGRITY)
    (site_packages(project / ".venv") / "gym.py").write_text("__version__ = 'mine'\n")
    assert envguard("check", project / ".venv", "--policy", policy).code == 0
    run = envguard("check", project / ".venv", "--policy", policy, "--integrity")
    assert run.code == 1
    assert "gym" in run.out
    assert envguard("check", "--all", "--integrity").code == 2


def test_of_how_many_packages_the_hash_is_known(envguard: Envguard, project: Path) -> None:
    (project / "requirements.txt").write_text(f"gym==0.25.2 --hash=sha256:{'0' * 64}\n")
    run = envguard("check", "-v", cwd=project)
    assert (run.code, run.out.splitlines()[-1]) == (0, "hashes: 1 is not known: installers keep none")
    hashes = {"same": 0, "other": 0, "not_known": 1}
    assert envguard("check", "--json", cwd=project).json()["hashes"] == hashes
    assert "hashes" not in envguard("check", cwd=project).out
    policy = a_policy_file(project)
    assert envguard("check", "--policy", policy, "--json", cwd=project).json()["hashes"] is None
