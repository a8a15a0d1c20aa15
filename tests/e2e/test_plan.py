"""What a push would do, told by a real server of what real agents reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.test_schemas import hold
from tests.e2e.test_team import POLICY, Server, a_policy_file, a_server, call, join, machines, own, team

__all__ = ["machines"]  # a fixture


def a_draft(folder: Path, text: str) -> Path:
    path = folder / "draft" / "rl-team.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def a_reporting_team(server: Server, machines: dict[str, Path], folder: Path) -> None:
    call("policy", "push", a_policy_file(folder), environ=server.admin)
    for state in join(server, machines, folder).values():
        call("agent", "--once", environ=own(state))


def test_a_plan_names_who_would_drift_and_a_push_does_just_that(
    machines: dict[str, Path],
    tmp_path: Path,
) -> None:
    with a_server(tmp_path / "server") as server:
        a_reporting_team(server, machines, tmp_path)
        draft = a_draft(tmp_path, POLICY.replace("==0.26.2", "==0.25.2"))
        printed = call("policy", "plan", draft, environ=server.admin, code=1)
        assert printed.splitlines() == [
            "rl-team would become r2",
            f"from rl-team@r1 to {draft}",
            "~ packages.gym: ==0.26.2, because: five values -> ==0.25.2, because: five values",
            "",
            "would drift: 1",
            f"  ws-ann  {machines['ws-ann'] / '.venv'}  (compliant today)",
            "    gym 0.26.2, needs ==0.25.2",
            "",
            "would become compliant: 1",
            f"  ws-bob  {machines['ws-bob'] / '.venv'}",
            "",
            "unchanged: 1 of the 3 environments that it concerns",
        ]
        document = json.loads(call("policy", "plan", draft, "--json", environ=server.admin, code=1))
        hold(document, "plan-1")
        assert team(server)["policies"] == {"rl-team": 1}
        call("policy", "push", draft, environ=server.admin)
        verdicts = {each["name"]: each["environments"][0]["verdict"] for each in team(server)["machines"]}
        assert {each["machine"]: each["after"] for each in document["environments"]} == {
            name: verdicts[name] for name in ("ws-ann", "ws-bob")
        }
        again = call("policy", "plan", draft, environ=server.admin)
        assert again.startswith("rl-team r2 is these very files: a push would change nothing\n")


def test_what_makes_nothing_worse_exits_0(machines: dict[str, Path], tmp_path: Path) -> None:
    harmless = [
        ("==0.26.2", "==0.26.2", "unchanged: 3 of the 3 environments"),
        ("==0.26.2", "'>=0.25'", "would become compliant: 1"),
        ("name: rl-team", "name: other", "it would govern no environment"),
        ("packages:", "unlisted: ignore\npackages:", "only its text differs"),
    ]
    with a_server(tmp_path / "server") as server:
        a_reporting_team(server, machines, tmp_path)
        for before, after, words in harmless:
            draft = a_draft(tmp_path, POLICY.replace(before, after))
            assert words in call("policy", "plan", draft, environ=server.admin)


def test_a_machine_s_own_secret_plans_nothing(
    machines: dict[str, Path],
    tmp_path: Path,
) -> None:
    with a_server(tmp_path / "server") as server:
        state = join(server, {"ws-ann": machines["ws-ann"]}, tmp_path)["ws-ann"]
        failed: Any = json.loads(
            call("policy", "plan", a_policy_file(tmp_path), "--json", environ=own(state), code=3)
        )
        assert "a person's token" in failed["error"]["message"]
