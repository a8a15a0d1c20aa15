"""Which policy judges: the first source that says anything; never another in place of one that was named."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from envguard.domain.binding import Machine
from envguard.domain.environment import Environment, EnvironmentRecord, Project
from envguard.domain.policy import KnownPolicy, LockedPolicy, Selector, UnusablePolicy
from envguard.errors import PolicyError, UnavailableError, UsageError
from envguard.runs.policies import Governing, choose_policy, is_file_reference
from tests.builders.documents import a_policy, a_record, a_snapshot

LOCK = "gym==0.26.2\n"


def held(name: str, revision: int = 3, **changes: object) -> LockedPolicy:
    policy = msgspec.structs.replace(a_policy(name=name), **changes)
    return LockedPolicy(policy=policy, lock=None, revision=revision)


def a_file(folder: Path, name: str = "own") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(f"envguard: 1\nname: {name}\npackages: {{gym: '==1'}}\n")
    return path


def choose(
    record: EnvironmentRecord,
    *known: LockedPolicy,
    named: str | None = None,
    cwd: Path = Path("/nowhere"),
    others: Mapping[str, KnownPolicy] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Governing:
    policies: dict[str, KnownPolicy] = {each.policy.name: each for each in known}
    return choose_policy(
        named,
        Environment(record, a_snapshot()),
        environ=environ or {},
        machine=Machine("ws-7"),
        known={**policies, **(others or {})},
        cwd=cwd,
    )


def everywhere(name: str) -> LockedPolicy:
    return held(name, applies_to=(Selector(environments=("*",)),))


def test_the_sources_come_in_this_order(tmp_path: Path) -> None:
    marked = Project(str(tmp_path), policy="of-marker", marker_place="pyproject.toml:2")
    known = [held(name) for name in ("of-option", "of-variable", "of-use", "of-marker")]
    known.append(everywhere("of-selector"))
    full = a_record(project=marked, use="of-use")

    def name(record: EnvironmentRecord, named: str | None = None, variable: str = "") -> str:
        environ = {"ENVGUARD_POLICY": variable}
        return choose(record, *known, named=named, environ=environ).policy.policy.name

    assert name(full, "of-option", variable="of-variable") == "of-option"
    assert name(full, variable="of-variable") == "of-variable"
    assert name(full) == "of-use"
    assert name(a_record(project=marked)) == "of-marker"
    assert name(a_record()) == "of-selector"


def test_the_projects_own_lock_is_last_and_is_said(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(LOCK)
    found = choose(a_record(project=Project(str(tmp_path))))
    assert found.source == "no policy; judged by the lock requirements.txt"
    assert found.policy.lock is not None


def test_nothing_at_all_is_wrong_usage_with_a_way_on() -> None:
    with pytest.raises(UsageError, match="no policy applies") as caught:
        choose(a_record("/nowhere/.venv"))
    assert "--policy" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(a_record(use="gone"), id="use"),
        pytest.param(a_record(project=Project("/rl", policy="gone", marker_place="p:1")), id="marker"),
    ],
)
def test_a_named_policy_that_is_not_here_is_never_replaced_by_another(record: EnvironmentRecord) -> None:
    with pytest.raises(UnavailableError, match="`gone` cannot be had"):
        choose(record, everywhere("rl-team"))


def test_two_policies_that_apply_are_both_named() -> None:
    with pytest.raises(UnavailableError, match="`a` and `b` both apply"):
        choose(a_record(), everywhere("a"), everywhere("b"))


def test_a_policy_that_this_version_cannot_read_is_said_with_its_reason() -> None:
    unusable = UnusablePolicy(name="rl-team", reason="rl-team.yaml:3: unknown key: `origins`", revision=4)
    with pytest.raises(
        UnavailableError, match=r"`rl-team` r4 cannot be read by this envguard: rl-team\.yaml:3"
    ):
        choose(a_record(use="rl-team"), others={"rl-team": unusable})


def test_a_marker_may_be_a_policy_file_of_the_project(tmp_path: Path) -> None:
    a_file(tmp_path)
    project = Project(str(tmp_path), policy="./own.yaml", marker_place="pyproject.toml:2")
    found = choose(a_record(project=project))
    assert (found.policy.policy.name, found.policy.revision) == ("own", None)
    assert found.source == "policy named in pyproject.toml:2"


def test_a_marker_may_be_a_lock(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text(LOCK)
    project = Project(str(tmp_path), policy="requirements.txt", marker_place="pyproject.toml:2")
    assert choose(a_record(project=project)).policy.lock is not None


def test_the_servers_revision_goes_before_the_projects_file(tmp_path: Path) -> None:
    a_file(tmp_path)
    project = Project(str(tmp_path), policy="own.yaml", marker_place="pyproject.toml:2")
    found = choose(a_record(project=project), held("own", 8))
    assert found.policy.revision == 8
    assert "the server's revision" in found.source


def test_a_file_on_the_command_line_is_that_file_whatever_the_server_has(tmp_path: Path) -> None:
    a_file(tmp_path)
    assert choose(a_record(), held("own"), named="own.yaml", cwd=tmp_path).policy.revision is None


def test_a_broken_file_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("envguard: 1\nname: own\npakages: {}\n")
    with pytest.raises(PolicyError) as caught:
        choose(a_record(), named="own.yaml", cwd=tmp_path)
    assert "own.yaml:3" in str(caught.value)
    assert caught.value.hint == "did you mean `packages`?"


def test_a_file_that_is_not_there_cannot_be_had() -> None:
    with pytest.raises(UnavailableError, match="no such policy or lock") as caught:
        choose(a_record(), named="gone.yaml")
    assert (caught.value.exit_code, caught.value.where) == (3, "/nowhere/gone.yaml")


@pytest.mark.parametrize(
    ("text", "is_file"),
    [("rl-team", False), ("rl.team", False), ("./rl-team", True), ("a.yaml", True), ("pylock.toml", True)],
)
def test_a_path_or_a_known_ending_is_a_file(text: str, is_file: bool) -> None:
    assert is_file_reference(text) is is_file
