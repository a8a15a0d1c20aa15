"""The server's policies in the user's cache: a machine without an agent judges by them."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.cli.conftest import Envguard, Run
from tests.cli.test_schemas import hold

GYM = "envguard: 1\nname: rl-team\npackages: {gym: '==0.26.2'}\n"
OTHER = "envguard: 1\nname: other\npackages: {gym: '==0.25.2'}\n"
ELSEWHERE = {"ENVGUARD_SERVER": "http://127.0.0.1:9", "ENVGUARD_TOKEN": "t"}
"""A server that is away."""


def push(envguard: Envguard, folder: Path, text: str, admin: dict[str, str]) -> None:
    path = folder / "p.yaml"
    path.write_text(text)
    assert envguard("policy", "push", path, **admin).code == 0


def cache(folder: Path) -> Path:
    return folder / "cache" / "policies"


def aged(folder: Path, name: str, age: timedelta) -> None:
    """Let a policy have been pulled some time ago."""
    path = cache(folder) / f"{name}.json"
    kept = json.loads(path.read_text())
    kept["received_at"] = (datetime.now(timezone.utc) - age).isoformat()
    path.write_text(json.dumps(kept))


def changes(run: Run) -> dict[str, str]:
    hold(run.json(), "pull-1")
    assert run.code == 0
    return {each["name"]: each["change"] for each in run.json()["policies"]}


def words(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_a_pulled_policy_judges_where_there_is_no_agent_and_its_age_is_said(
    envguard: Envguard, admin: dict[str, str], tmp_path: Path, project: Path
) -> None:
    push(envguard, tmp_path, GYM, admin)
    assert envguard("check", "--policy", "rl-team", cwd=project).code == 3
    pulled = envguard("policy", "pull", "rl-team", **admin)
    assert (pulled.code, pulled.out) == (0, "rl-team  r1  new\n")
    assert "; pulled just now" in words(envguard("check", "--policy", "rl-team", cwd=project).out)
    aged(tmp_path, "rl-team", timedelta(hours=2, minutes=5))
    run = envguard("check", "--policy", "rl-team", cwd=project, **ELSEWHERE)
    assert run.code == 1
    assert words(run.out).startswith("drifted from `rl-team` r1: 1 error")
    assert "named on the command line; pulled 2 h ago" in words(run.out)
    document = envguard("check", "--policy", "rl-team", "--json", cwd=project).json()
    hold(document, "verdict-1")
    assert document["policy"]["pulled_at"] is not None
    aged(tmp_path, "rl-team", timedelta(days=400))
    assert envguard("check", "--policy", "rl-team", "--json", cwd=project).json()["verdict"] == "drifted"


def test_it_judges_also_what_a_marker_or_applies_to_binds(
    envguard: Envguard, admin: dict[str, str], tmp_path: Path, project: Path
) -> None:
    push(envguard, tmp_path, GYM + f"applies-to: [{{environments: ['{project}/**']}}]\n", admin)
    envguard("policy", "pull", **admin)
    run = envguard("check", cwd=project)
    assert (run.code, "policy applies to it; pulled just now" in words(run.out)) == (1, True)
    assert envguard("check", "--all", cwd=project, HOME=str(project)).code == 1
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team"\n')
    run = envguard("check", cwd=project)
    assert "policy named in pyproject.toml:2; pulled just now" in words(run.out)
    used = envguard("use", "rl-team", project / ".venv")
    assert (used.code, "holds no policy" in used.err) == (0, False)


def test_the_cache_becomes_what_the_server_has(
    envguard: Envguard, admin: dict[str, str], tmp_path: Path
) -> None:
    push(envguard, tmp_path, GYM, admin)
    push(envguard, tmp_path, OTHER, admin)
    assert changes(envguard("policy", "pull", "--json", **admin)) == {"other": "new", "rl-team": "new"}
    assert {path.stat().st_mode & 0o777 for path in cache(tmp_path).iterdir()} == {0o600}
    assert cache(tmp_path).stat().st_mode & 0o777 == 0o700
    (cache(tmp_path) / "rl-team.json").rename(cache(tmp_path) / "gone.json")
    kept = (cache(tmp_path) / "gone.json").read_text()
    (cache(tmp_path) / "gone.json").write_text(kept.replace('"name":"rl-team"', '"name":"gone"'))
    push(envguard, tmp_path, OTHER + "# a comment\n", admin)
    named = envguard("policy", "pull", "rl-team", "--json", **admin)
    assert changes(named) == {"rl-team": "new"}
    assert (cache(tmp_path) / "gone.json").exists()
    assert changes(envguard("policy", "pull", "--json", **admin)) == {
        "gone": "removed",
        "other": "changed",
        "rl-team": "unchanged",
    }
    assert {path.name for path in cache(tmp_path).iterdir()} == {"other.json", "rl-team.json"}


def test_what_cannot_be_pulled_leaves_the_cache_as_it_was(
    envguard: Envguard, admin: dict[str, str], tmp_path: Path
) -> None:
    push(envguard, tmp_path, GYM, admin)
    envguard("policy", "pull", **admin)
    before = (cache(tmp_path) / "rl-team.json").read_bytes()
    run = envguard("policy", "pull", "rl-team", "none", "--json", **admin)
    assert (run.code, run.json()["error"]["message"]) == (3, "the server has no such policy: none")
    assert envguard("policy", "pull", **ELSEWHERE).code == 3
    assert envguard("policy", "pull", "../x", **admin).code == 2
    assert [(path.name, path.read_bytes()) for path in cache(tmp_path).iterdir()] == [
        ("rl-team.json", before)
    ]


def test_a_broken_cache_is_told_and_a_pull_mends_it(
    envguard: Envguard, admin: dict[str, str], tmp_path: Path, project: Path
) -> None:
    push(envguard, tmp_path, GYM, admin)
    envguard("policy", "pull", **admin)
    (cache(tmp_path) / "rl-team.json").write_text('{"name":')
    run = envguard("check", "--policy", "rl-team", cwd=project)
    assert (run.code, "rl-team.json: is broken" in run.err) == (3, True)
    assert envguard("policy", "pull", **admin).code == 0
    assert envguard("check", "--policy", "rl-team", cwd=project).code == 1


def test_of_what_the_agent_keeps_and_what_was_pulled_the_later_counts(
    envguard: Envguard, admin: dict[str, str], tmp_path: Path, project: Path
) -> None:
    push(envguard, tmp_path, GYM, admin)
    joined = envguard("token", "new", **admin).out.strip()
    assert envguard("join", joined, "--name", "ws-7", "--roots", project).code == 0
    assert envguard("agent", "--once").code == 0
    assert "pulled" not in envguard("check", "--policy", "rl-team", cwd=project).out
    push(envguard, tmp_path, GYM.replace("0.26.2", "0.25.2"), admin)
    assert envguard("policy", "pull").code == 0
    run = envguard("check", "--policy", "rl-team", cwd=project)
    assert (run.code, "r2" in run.out, "pulled just now" in words(run.out)) == (0, True, True)
    aged(tmp_path, "rl-team", timedelta(hours=2))
    assert envguard("check", "--policy", "rl-team", cwd=project).code == 1


@pytest.mark.parametrize(
    "environ",
    [pytest.param(ELSEWHERE, id="the server is away"), pytest.param({}, id="there is none")],
)
def test_a_policy_is_shown_from_the_cache_where_the_server_cannot_be_had(
    envguard: Envguard, admin: dict[str, str], tmp_path: Path, environ: dict[str, str]
) -> None:
    push(envguard, tmp_path, GYM, admin)
    assert envguard("policy", "show", "rl-team", **environ).code == (3 if environ else 2)
    envguard("policy", "pull", **admin)
    aged(tmp_path, "rl-team", timedelta(days=3))
    run = envguard("policy", "show", "rl-team", "--resolved", **environ)
    assert (run.code, "before-run: refuse" in run.out) == (0, True)
    assert "this is `rl-team` r1, pulled 3 days ago" in run.err
    assert envguard("policy", "show", "rl-team@r1", **environ).code == 0
    assert envguard("policy", "show", "rl-team@r2", **environ).code != 0
    assert envguard("policy", "show", "rl-team", ENVGUARD_SERVER="nonsense").code == 2


def test_status_lists_what_was_pulled_with_its_age(
    envguard: Envguard, admin: dict[str, str], tmp_path: Path
) -> None:
    push(envguard, tmp_path, GYM, admin)
    assert envguard("policy", "pull", **admin).code == 0
    aged(tmp_path, "rl-team", timedelta(hours=3))
    document = envguard("status", "--json").json()
    hold(document, "status-1")
    (told,) = document["policies"]
    assert (told["name"], told["revision"], told["is_pulled"], told["age_s"] > 10_000) == (
        "rl-team",
        1,
        True,
        True,
    )
    assert "policy    rl-team r1, pulled 3 h ago" in envguard("status").out.splitlines()


def test_a_policy_of_another_version_is_kept_and_said(
    envguard: Envguard, admin: dict[str, str], tmp_path: Path, project: Path
) -> None:
    push(envguard, tmp_path, GYM, admin)
    envguard("policy", "pull", **admin)
    path = cache(tmp_path) / "rl-team.json"
    path.write_text(path.read_text().replace("envguard: 1", "envguard: 2"))
    run = envguard("check", "--policy", "rl-team", cwd=project)
    assert (run.code, "cannot be read by this envguard" in run.err) == (3, True)
