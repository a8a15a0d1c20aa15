"""A user's own commands on a machine whose agent is another user's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from envguard.agent import run_once
from envguard.agent.telling import Teller
from envguard.domain.binding import Machine
from envguard.domain.policy import PolicySource
from envguard.state import State, open_state
from envguard.state.runtime import open_folder
from envguard.state.told import ToldTeam
from tests.agent.team import POLICY, joined
from tests.cli.conftest import Envguard

MEETS = PolicySource(filename="rl-team.yaml", text=POLICY)
MISSES = PolicySource(filename="rl-team.yaml", text=POLICY.replace("0.25.2", "0.26.2"))


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder / "envguard"


@pytest.fixture
def agents(tmp_path: Path, runtime: Path) -> Iterator[State]:
    """The state of the agent that is here."""
    assert not runtime.exists()
    with joined(tmp_path / "agents", roots=tmp_path / "project") as (state, _team, _server):
        yield state


@pytest.fixture
def another(tmp_path: Path) -> dict[str, str]:
    """The variables of somebody who has no agent, on that machine."""
    return {"ENVGUARD_STATE": str(tmp_path / "anothers"), "XDG_RUNTIME_DIR": str(tmp_path / "run")}


def test_who_has_no_agent_judges_by_the_policies_of_the_one_that_is_here(
    agents: State, runtime: Path, project: Path, another: dict[str, str], envguard: Envguard
) -> None:
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team"\n')
    env = project / ".venv"
    before = envguard("check", env, **another)
    assert (before.code, "cannot be had" in before.err) == (3, True)
    run_once(agents)
    check = envguard("check", env, "--json", **another)
    told = check.json()
    assert (check.code, told["verdict"], told["policy"]["name"]) == (0, "compliant", "rl-team")
    assert envguard("run", "--", env / "bin" / "python", "-c", "1", cwd=project, **another).code == 0
    status = envguard("status", "--json", **another).json()
    assert (status["machine"], status["told_in"], status["is_agent_running"]) == ("ws-7", str(runtime), False)
    assert [each["name"] for each in status["policies"]] == ["rl-team"]
    assert f"another user's, which tells its policies in {runtime}" in envguard("status", **another).out


def test_a_policy_that_binds_by_itself_judges_all_of_ones_environments(
    agents: State, project: Path, another: dict[str, str], envguard: Envguard
) -> None:
    run_once(agents)
    told = envguard("check", project / ".venv", "--json", **another).json()
    assert (told["verdict"], told["source"]) == ("compliant", "policy applies to it")


def test_what_the_agent_got_since_is_another_answer(
    agents: State, runtime: Path, project: Path, another: dict[str, str], envguard: Envguard
) -> None:
    run_once(agents)
    assert [envguard("check", project / ".venv", **another).code for _ in range(2)] == [0, 0]
    [kept] = agents.policies().values()
    team = ToldTeam(
        machine=Machine("ws-7"), policies={"rl-team": msgspec.structs.replace(kept, source=MISSES)}
    )
    with open_folder(runtime, mode=0o755) as folder:
        Teller().tell(folder, team, ())
    assert envguard("check", project / ".venv", **another).code == 1


def test_ones_own_state_goes_before_what_another_agent_tells(
    tmp_path: Path, agents: State, project: Path, another: dict[str, str], envguard: Envguard
) -> None:
    run_once(agents)
    [kept] = agents.policies().values()
    own = msgspec.structs.replace(kept, source=MISSES)
    open_state(tmp_path / "anothers").keep_policies({"rl-team": own})
    assert envguard("check", project / ".venv", **another).code == 1
    assert envguard("status", "--json", **another).json()["told_in"] is None
