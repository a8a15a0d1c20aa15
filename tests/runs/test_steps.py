"""What ``explain`` says of the sources is what chooses the policy."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from envguard.domain.binding import Machine
from envguard.domain.environment import Environment, Project
from envguard.domain.policy import KnownPolicy, LockedPolicy, Selector
from envguard.errors import UsageError
from envguard.runs.policies import choose_policy
from envguard.runs.steps import policy_steps
from tests.builders.documents import a_policy, a_record, a_snapshot

SOURCES = ("--policy", "ENVGUARD_POLICY", "use", "marker", "applies-to", "lock")


def held(name: str, *environments: str) -> LockedPolicy:
    policy = msgspec.structs.replace(
        a_policy(name=name), applies_to=(Selector(environments),) if environments else ()
    )
    return LockedPolicy(policy=policy, lock=None, revision=1)


@pytest.mark.parametrize("first", range(len(SOURCES) + 1))
def test_the_first_source_that_says_anything_is_the_one_that_counts(first: int, tmp_path: Path) -> None:
    """All sources from the ``first`` on say something; those before it are silent."""
    speaking = SOURCES[first:]
    (tmp_path / "requirements.txt").write_text("gym==1\n" if "lock" in speaking else "gym\n")
    project = Project(str(tmp_path), policy="marker" if "marker" in speaking else None, marker_place="p:1")
    record = a_record(str(tmp_path / ".venv"), project=project, use="use" if "use" in speaking else None)
    environment = Environment(record, a_snapshot())
    known: dict[str, KnownPolicy] = {name: held(name) for name in ("option", "variable", "use", "marker")}
    known["selector"] = held("selector", *(("*",) if "applies-to" in speaking else ("/nowhere",)))
    named = "option" if "--policy" in speaking else None
    environ = {"ENVGUARD_POLICY": "variable"} if "ENVGUARD_POLICY" in speaking else {}
    machine = Machine("ws-7")
    steps = policy_steps(named, record, environ=environ, machine=machine, known=known, cwd=tmp_path)
    said = [step.says for step in steps]
    assert [each is not None for each in said] == [number >= first for number in range(len(SOURCES))]
    if not speaking:
        with pytest.raises(UsageError):
            choose_policy(named, environment, environ=environ, machine=machine, known=known, cwd=tmp_path)
        return
    chosen = choose_policy(named, environment, environ=environ, machine=machine, known=known, cwd=tmp_path)
    says = said[first]
    assert says is not None
    assert chosen.policy.policy.name == Path(says).name


def test_two_policies_of_one_source_are_both_named(tmp_path: Path) -> None:
    known: dict[str, KnownPolicy] = {name: held(name, "*") for name in ("a", "b")}
    steps = policy_steps(None, a_record(), environ={}, machine=Machine("ws-7"), known=known, cwd=tmp_path)
    assert [step.says for step in steps if step.source == "applies-to"] == ["a and b"]


def test_a_lock_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    (tmp_path / "pylock.toml").write_text("lock-version = 1\n")
    steps = policy_steps(None, a_record(), environ={}, machine=Machine("ws-7"), known={}, cwd=tmp_path)
    assert (steps[-1].says or "").startswith("cannot be used: pylock.toml")
