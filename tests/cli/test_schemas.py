"""What commands print with ``--json`` is as the published schemas say."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from envguard.cli.schemas import main, schema_files
from tests.builders.environments import install, site_packages
from tests.cli.conftest import Envguard

PUBLISHED = Path(__file__).parents[2] / "docs" / "schemas"
POLICY = "envguard: 1\nname: rl-team\npackages:\n  gym: ==0.26.2\nunlisted: warn\n"
WRONG = "envguard: 1\nname: RL team\npackages:\n  gym: nonsense\nunlistd: warn\n"


def hold(document: Mapping[str, Any], schema: str) -> None:
    """Hold a document to the published schema of the name that it carries."""
    name, _, number = schema.rpartition("-")
    assert document["schema"] == f"envguard/{name}/{number}"
    published = json.loads((PUBLISHED / f"{schema}.json").read_text())
    jsonschema.Draft202012Validator(published).validate(document)


@pytest.fixture
def policy(project: Path) -> Path:
    """The policy of the project that names it."""
    path = project / "rl-team.yaml"
    path.write_text(POLICY)
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team.yaml"\n')
    return path


def test_the_published_schemas_are_what_the_types_give() -> None:
    published = {path.name: path.read_text() for path in PUBLISHED.iterdir()}
    assert published == schema_files(), "make docs"


def test_schemas_of_outputs_that_are_gone_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone-1.json").write_text("{}")
    monkeypatch.setattr(sys, "argv", ["schemas", str(tmp_path)])
    main()
    assert {path.name for path in tmp_path.iterdir()} == set(schema_files())


def test_scan(envguard: Envguard, project: Path, policy: Path) -> None:
    install(project / ".venv", numpy="1.26.4")
    (site_packages(project / ".venv") / "numpy-1.26.4.dist-info" / "METADATA").write_text("")
    document = envguard("scan", project / ".venv", "--json").json()
    hold(document, "scan-1")
    [environment] = document["environments"]
    assert environment["snapshot"]["problems"]
    assert environment["project"]["policy"] == "rl-team.yaml"


def test_check(envguard: Envguard, project: Path, policy: Path) -> None:
    document = envguard("check", "--json", cwd=project).json()
    hold(document, "verdict-1")
    assert document["findings"]


def test_check_of_every_environment(envguard: Envguard, project: Path, policy: Path) -> None:
    hold(envguard("check", "--all", "--json", cwd=project, HOME=str(project)).json(), "verdicts-1")


def test_bad_usage(envguard: Envguard) -> None:
    hold(envguard("check", "--nonsense", "--json").json(), "error-1")


def test_a_policy_with_several_problems(envguard: Envguard, policy: Path) -> None:
    policy.write_text(WRONG)
    document = envguard("policy", "lint", policy, "--json").json()
    hold(document, "lint-1")
    assert [each["line"] for each in document["problems"]] == [2, 4, 5]


def test_an_environment_that_cannot_be_read(envguard: Envguard, tmp_path: Path) -> None:
    hold(envguard("check", tmp_path / "nowhere", "--json").json(), "error-1")


@pytest.mark.skipif(sys.platform != "linux", reason="file names are UTF-8 elsewhere")
def test_a_name_that_is_not_utf_8(envguard: Envguard) -> None:
    document = envguard("check", "caf\udce9", "--json").json()
    hold(document, "error-1")
    assert r"caf\xe9" in json.dumps(document["error"], ensure_ascii=False).replace("\\\\", "\\")


def test_version(envguard: Envguard) -> None:
    hold(envguard("version", "--json").json(), "version-1")


def test_policy_lint(envguard: Envguard, policy: Path) -> None:
    hold(envguard("policy", "lint", policy, "--json").json(), "lint-1")


def test_policy_show(envguard: Envguard, policy: Path) -> None:
    document = envguard("policy", "show", policy, "--json").json()
    hold(document, "policy-1")
    assert document["text"] == POLICY


def test_status(envguard: Envguard) -> None:
    hold(envguard("status", "--json").json(), "status-1")


def test_what_is_asked_of_a_server(
    envguard: Envguard, server: dict[str, str], admin: dict[str, str], policy: Path, project: Path
) -> None:
    hold(server, "server-1")
    hold(envguard("token", "new", "--json", **admin).json(), "token-1")
    hold(envguard("policy", "push", policy, "--json", **admin).json(), "push-1")
    hold(envguard("policy", "list", "--json", **admin).json(), "policies-1")
    hold(envguard("policy", "show", "rl-team", "--json", **admin).json(), "policy-1")
    assert envguard("join", server["join"], "--name", "ws-7", "--roots", project).code == 0
    assert envguard("agent", "--once").code == 0
    team = envguard("team", "--json", **admin).json()
    hold(team, "team-1")
    assert team["machines"][0]["environments"]
    status = envguard("status", "--json").json()
    hold(status, "status-1")
    assert status["policies"]


@pytest.mark.parametrize("option", [["--format", "json"], ["--format=json"], ["--json"]])
def test_an_error_is_json_however_it_was_asked_for(envguard: Envguard, option: list[str]) -> None:
    hold(envguard("check", "nowhere", *option).json(), "error-1")


def test_receipt(envguard: Envguard, project: Path, policy: Path) -> None:
    for options in (["--allow-drift", "why not"], ["--allow-drift", "why not", "--policy", "no-such"]):
        envguard("run", *options, "--", ".venv/bin/python", "-c", "", cwd=project)
    receipts = list((project / ".envguard" / "runs").glob("*/receipt.json"))
    assert len(receipts) == 2
    for receipt in receipts:
        hold(json.loads(receipt.read_text()), "receipt-1")
