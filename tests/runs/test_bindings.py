"""What owners and projects said is in the record; what could not be read is there too."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import msgspec

from envguard.domain.environment import Environment, Project, Scan
from envguard.errors import StateError
from envguard.runs.bindings import bind_scan, uses_of_owners
from envguard.runs.judging import broken_marker
from envguard.state import open_state
from tests.builders.documents import FACTS, a_snapshot, an_environment

OWNER = pwd.getpwuid(os.geteuid()).pw_name


def an_owned(path: str = "/rl/.venv", **changes: object) -> Environment:
    return an_environment(a_snapshot(), path, owner=OWNER, **changes)


def bound(environment: Environment, uses: dict[str, str] | None = None) -> Environment:
    [found] = bind_scan(Scan(FACTS, (environment,)), lambda _: uses or {}).scan.environments
    return found


def test_a_use_counts_for_every_path_of_the_environment() -> None:
    environment = an_owned(also=("/srv/rl/.venv",))
    assert bound(environment, {"/srv/rl/.venv": "rl-team"}).record.use == "rl-team"
    assert bound(environment, {"/elsewhere": "rl-team"}).record.use is None


def test_uses_are_the_owners_own(tmp_path: Path) -> None:
    state = open_state(tmp_path / "state")
    state.use("/rl/.venv", "rl-team")
    uses = uses_of_owners(state)
    assert uses(an_owned().record) == {"/rl/.venv": "rl-team"}
    others = an_environment(a_snapshot(), "/rl/.venv", owner="nobody-here", home=str(tmp_path))
    assert uses(others.record) == {}


def test_a_use_in_anothers_home_must_be_his_own_regular_file(tmp_path: Path) -> None:
    folder = tmp_path / ".local/state/envguard"
    folder.mkdir(parents=True)
    (folder / "uses.json").write_text('{"/rl/.venv": "rl-team"}')
    record = an_environment(a_snapshot(), owner="4242", home=str(tmp_path)).record
    assert uses_of_owners(None)(record) == {}  # the file is not of user 4242
    (folder / "uses.json").unlink()
    os.mkfifo(folder / "uses.json")
    assert uses_of_owners(None)(record) == {}


def test_uses_that_cannot_be_read_make_the_verdict_unknown() -> None:
    def broken(_: object) -> dict[str, str]:
        raise StateError("is broken", where="uses.json")

    [found] = bind_scan(Scan(FACTS, (an_owned(),)), broken).scan.environments
    assert "uses.json" in (broken_marker(found) or "")


def test_a_file_marker_becomes_the_name_inside_and_judges_only_its_project(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "envguard: 1\nname: own\npackages: {gym: '==1'}\napplies-to: [{environments: ['*']}]\n"
    )
    project = Project(str(tmp_path), policy="own.yaml", marker_place="pyproject.toml:2")
    found = bind_scan(Scan(FACTS, (an_owned(project=project),)), lambda _: {})
    [environment] = found.scan.environments
    assert environment.record.project == msgspec.structs.replace(project, policy="own")
    assert found.of_projects[str(tmp_path)].policy.applies_to == ()


def test_two_projects_may_have_files_of_one_name(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lock.txt").write_text(f"{name}==1\n")
    environments = tuple(
        an_owned(f"/{name}/.venv", project=Project(str(tmp_path / name), policy="lock.txt"))
        for name in ("one", "two")
    )
    found = bind_scan(Scan(FACTS, environments), lambda _: {})
    assert all(broken_marker(each) is None for each in found.scan.environments)
    locks = [found.of_projects[str(tmp_path / name)].lock for name in ("one", "two")]
    assert locks[0] != locks[1]


def test_a_file_marker_that_cannot_be_read_is_told() -> None:
    project = Project("/nowhere", policy="own.yaml", marker_place="pyproject.toml:2")
    told = broken_marker(bound(an_owned(project=project)))
    assert told is not None
    assert told.startswith("the policy that pyproject.toml:2 names cannot be had")
