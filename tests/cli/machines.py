"""A machine that holds policies, and what ``check --all`` says of it."""

from __future__ import annotations

from pathlib import Path

from envguard.domain.policy import PolicySource
from envguard.state import Identity, KeptPolicy, open_state
from tests.cli.conftest import Envguard
from tests.report.arranging import NOW


def hold(folder: Path, *names: str, applies: str = "/nowhere") -> None:
    """Let this machine hold policies that gym 0.25.2 meets."""
    state = open_state(folder / "state")
    for name in names:
        environments = applies if name == "applies-to" else "/nowhere"
        text = (
            f"envguard: 1\nname: {name}\npackages: {{gym: '==0.25.2'}}\n"
            f"applies-to: [{{environments: ['{environments}']}}]\n"
        )
        source = PolicySource(filename=f"{name}.yaml", text=text)
        kept = KeptPolicy(name=name, revision=1, lock_revision=None, source=source, received_at=NOW)
        state.keep_policies({**state.policies(), name: kept})


def check_all(envguard: Envguard, folder: Path, below: Path) -> tuple[int, list[str]]:
    """Answer the exit code and the verdicts of ``check --all`` on a machine that has but this folder."""
    identity = Identity(
        machine="m", name="ws-1", url="http://127.0.0.1:1", interval_s=60, roots=(str(below),)
    )
    open_state(folder / "state").join(identity, "secret")
    run = envguard("check", "--all", "--json")
    return run.code, [each["verdict"] for each in run.json()["verdicts"]]
