"""A permission to differ, from the asking to its end: a real server, and two agents with one snapshot."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.builders.environments import install, make_venv
from tests.cli.test_schemas import hold
from tests.e2e.test_team import Server, a_policy_file, a_server, call, join, own, team


class Team(msgspec.Struct, frozen=True):
    """Two machines that share one snapshot, which the policy does not want."""

    server: Server
    projects: Mapping[str, Path]
    states: Mapping[str, Path]

    def round(self) -> None:
        for state in self.states.values():
            call("agent", "--once", environ=own(state))

    def check(self, name: str, code: int) -> Any:  # a decoded document
        arguments = ("check", self.projects[name] / ".venv", "--json")
        return json.loads(call(*arguments, environ=own(self.states[name]), code=code))

    def verdicts(self) -> dict[str, str]:
        """What agents and server say; they must agree."""
        told = {each["name"]: each["verdict"] for each in team(self.server)["machines"]}
        for name, state in self.states.items():
            [here] = json.loads(call("status", "--json", environ=own(state)))["environments"]
            assert here["verdict"] == told[name]
        return told

    def waive(self, name: str, *arguments: str, code: int = 0) -> str:
        environment = self.projects[name] / ".venv"
        words: tuple[str | Path, ...] = (
            "waive",
            "gym",
            "--env",
            environment,
            "--reason",
            "an exam",
            *arguments,
        )
        return call(*words, environ=own(self.states[name]), code=code)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Team]:
    projects = {}
    for name in ("ws-ann", "ws-bob"):
        project = tmp_path / name
        project.mkdir()
        install(make_venv(Path(sys.executable), project / ".venv"), gym="0.25.2")
        (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team"\n')
        projects[name] = project
    with a_server(tmp_path / "server") as server:
        call("policy", "push", a_policy_file(tmp_path), environ=server.admin)
        found = Team(server, projects, join(server, projects, tmp_path))
        found.round()
        machines = team(server)["machines"]
        assert len({each["environments"][0]["digest"] for each in machines}) == 1
        yield found


def test_asked_approved_judged_and_ended_by_the_lead(pair: Team) -> None:
    assert pair.verdicts() == {"ws-ann": "drifted", "ws-bob": "drifted"}
    asked = pair.waive("ws-ann", "--until", "7d")
    assert asked.startswith("asked: waiver 1, gym by `rl-team` on ws-ann in ")
    assert "envguard waivers approve 1" in asked
    pair.round()
    assert pair.verdicts() == {"ws-ann": "drifted", "ws-bob": "drifted"}
    assert "envguard waivers approve 1 (ws-ann)" in call("team", environ=pair.server.admin)

    assert call("waivers", "approve", "1", environ=pair.server.admin).startswith("granted: waiver 1")
    pair.round()
    assert pair.verdicts() == {"ws-ann": "compliant", "ws-bob": "drifted"}
    [finding] = pair.check("ws-ann", 0)["findings"]
    assert (finding["waived"]["approved_by"], finding["waived"]["id"]) == ("admin", 1)
    pair.check("ws-bob", 1)
    report = call("team", environ=pair.server.admin)
    assert "WAIVED: DOES NOT COUNT" in report
    assert report.startswith("1 of 2 machines matches rl-team r1; 1 drifts")

    call("waivers", "end", "1", "--reason", "the exam is over", environ=pair.server.admin)
    assert team(pair.server)["summary"]["drifted"] == 2
    pair.round()
    assert pair.verdicts() == {"ws-ann": "drifted", "ws-bob": "drifted"}
    assert [each["moved"] for each in pair.check("ws-ann", 1)["findings"]] == ["waiver"]
    listed = call("waivers", "--all", environ=own(pair.states["ws-ann"]))
    assert "the exam is over" in " ".join(listed.split())


def test_it_expires_by_itself_without_the_network(pair: Team) -> None:
    end = datetime.now(timezone.utc) + timedelta(seconds=15)
    arguments = ("waive", "gym", "--machine", "ws-ann", "--reason", "an exam", "--until", end.isoformat())
    granted = call(*arguments, environ=pair.server.admin)
    assert granted.startswith("granted: waiver 1, gym by `rl-team` on ws-ann, until ")
    call("agent", "--once", environ=own(pair.states["ws-ann"]))
    pair.check("ws-ann", 0)
    assert team(pair.server)["summary"]["compliant"] == 1
    pair.server.process.kill()
    time.sleep(max((end - datetime.now(timezone.utc)).total_seconds(), 0))
    [finding] = pair.check("ws-ann", 1)["findings"]
    assert (finding["waived"], finding["moved"]) == (None, "waiver")


def test_who_may_do_what(pair: Team) -> None:
    pair.waive("ws-ann", "--until", "fri")
    here = own(pair.states["ws-ann"])
    for word in ("approve", "refuse", "end"):
        call("waivers", word, "1", environ=here, code=3)
    pair.waive("ws-ann", "--until", "fri", "--machine", "ws-bob", "--policy", "rl-team", code=3)
    assert call("waivers", environ=own(pair.states["ws-bob"])) == "no waiver is asked for or in force\n"
    refused = call("waivers", "refuse", "1", "--reason", "upgrade", environ=pair.server.admin)
    assert refused.startswith("refused: waiver 1")
    call("waivers", "approve", "1", environ=pair.server.admin, code=3)


def test_what_is_printed_for_scripts_is_as_published(pair: Team) -> None:
    hold(json.loads(pair.waive("ws-ann", "--until", "fri", "--json")), "waiver-1")
    hold(json.loads(call("waivers", "--json", environ=own(pair.states["ws-ann"]))), "waivers-1")
    hold(json.loads(call("waivers", "approve", "1", "--json", environ=pair.server.admin)), "waiver-1")
    hold(team(pair.server), "team-1")


def test_check_says_whom_to_ask_and_the_line_can_be_pasted(pair: Team) -> None:
    environ = {**own(pair.states["ws-bob"]), "VIRTUAL_ENV": str(pair.projects["ws-bob"] / ".venv")}
    printed = call("check", environ=environ, code=1)
    [line] = [each for each in printed.splitlines() if each.startswith("ask   ")]
    assert line == "ask   envguard waive gym --until fri --reason TEXT"
    words = line.removeprefix("ask   envguard ").replace("TEXT", "exam").split()
    assert "asked: waiver 1, gym by `rl-team` on ws-bob, until" in call(*words, environ=environ)
    covered = call("waivers", environ=environ)
    assert f"would cover ws-bob {pair.projects['ws-bob']}" in " ".join(covered.split())
