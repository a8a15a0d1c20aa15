"""``check --format``: one verdict or many, and the same exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.cli.conftest import Envguard

POLICY = "envguard: 1\nname: rl-team\npackages:\n  gym: ==0.26.2\n"
GYM = "gym 0.25.2, needs ==0.26.2"

PARSERS: list[tuple[str, Callable[[str], object]]] = [
    ("rich", str.splitlines),
    ("json", json.loads),
    ("junit", lambda text: ET.fromstring(text).tag == "testsuites"),
    ("github", lambda text: [line for line in text.splitlines() if not line.startswith("::error ")] == []),
    ("sarif", lambda text: json.loads(text)["runs"]),
    ("markdown", lambda text: "| severity |" in text),
]


@pytest.fixture
def policy(project: Path) -> Path:
    """A policy from which the project's environment drifted."""
    path = project / "rl-team.yaml"
    path.write_text(POLICY)
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team.yaml"\n')
    return path


@pytest.mark.parametrize(("name", "parse"), PARSERS, ids=[name for name, _ in PARSERS])
def test_every_format_shows_the_drift_and_exits_1(
    envguard: Envguard, project: Path, policy: Path, name: str, parse: Callable[[str], object]
) -> None:
    run = envguard("check", "--format", name, cwd=project)
    assert run.code == 1
    assert parse(run.out)
    assert "rl-team" in run.out
    assert "==0.26.2" in run.out


@pytest.mark.parametrize(("name", "parse"), PARSERS, ids=[name for name, _ in PARSERS])
def test_every_format_can_show_every_environment_of_this_machine(
    envguard: Envguard, project: Path, policy: Path, name: str, parse: Callable[[str], object]
) -> None:
    run = envguard("check", "--all", "--format", name, cwd=project, HOME=str(project))
    assert run.code in (0, 1, 3)
    if name not in ("github", "markdown"):
        assert parse(run.out)


@pytest.mark.parametrize(
    ("below", "environ", "place"),
    [
        pytest.param(".", {}, "policies/rl-team.yaml", id="from the checkout"),
        pytest.param("policies", {}, "rl-team.yaml", id="from the policy's folder"),
        pytest.param(
            "policies", {"GITHUB_WORKSPACE": "."}, "policies/rl-team.yaml", id="in a job of GitHub's"
        ),
    ],
)
@pytest.mark.parametrize("by", ["option", "marker", "lock"])
def test_places_in_reviews_lead_to_the_policy_s_files(
    envguard: Envguard, project: Path, by: str, below: str, environ: dict[str, str], place: str
) -> None:
    (project / "policies").mkdir()
    policy = project / "policies" / "rl-team.yaml"
    policy.write_text(POLICY)
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "policies/rl-team.yaml"\n')
    (project / "requirements.txt").write_text("gym==0.25.2\n")
    what = project / ("requirements.txt" if by == "lock" else ".venv")
    call = ["check", what, *(["--policy", policy] if by == "option" else [])]
    given = {name: str(project / value) for name, value in environ.items()}
    run = envguard(*call, "--format", "github", cwd=project / below, **given)
    assert (run.code, run.out.startswith(f"::error file={place},line=4,")) == (1, True)
    sarif = envguard(*call, "--format", "sarif", cwd=project / below, **given).json()
    (result,) = sarif["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == place
    assert envguard(*call, "--json", cwd=project / below).json()["findings"][0]["place"] == "rl-team.yaml:4"


def test_places_of_all_environments_lead_to_their_policies_files(envguard: Envguard, project: Path) -> None:
    (project / "policies").mkdir()
    (project / "policies" / "rl-team.yaml").write_text(POLICY)
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "policies/rl-team.yaml"\n')
    run = envguard("check", "--all", "--format", "github", cwd=project.parent, HOME=str(project))
    place = f"::error file={project.name}/policies/rl-team.yaml,line=4,"
    assert (run.code, [line.startswith(place) for line in run.out.splitlines()]) == (1, [True])


def test_json_is_short_for_its_format(envguard: Envguard, project: Path, policy: Path) -> None:
    short = envguard("check", "--json", cwd=project)
    assert short.out == envguard("check", "--format", "json", cwd=project).out
    assert short.out == envguard("check", "--format", "json", "--json", cwd=project).out


def test_json_and_another_format_contradict_each_other(envguard: Envguard, project: Path) -> None:
    run = envguard("check", "--json", "--format", "junit", cwd=project)
    assert run.code == 2
    assert run.json()["error"]["kind"] == "usage"


def test_a_compliant_environment_has_no_annotations(envguard: Envguard, project: Path, policy: Path) -> None:
    policy.write_text(POLICY.replace("==0.26.2", "==0.25.2"))
    run = envguard("check", "--format", "github", cwd=project)
    assert (run.code, run.out) == (0, "")
