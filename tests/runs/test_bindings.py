"""What owners and projects said is in the record; what could not be read is there too."""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from envguard.domain.environment import Environment, Project, Scan
from envguard.errors import PolicyError, StateError
from envguard.runs.bindings import bind_scan, uses_of_owners
from envguard.runs.judging import broken_marker
from envguard.runs.policies import marker_policy
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser reads for others")
class TestRights:
    """A marker of somebody's can name any path; it is read as its owner may, whoever reads."""

    SECRET = "the only line: of a file that ann may not read\n"

    @pytest.fixture
    def project(self) -> Iterator[Path]:
        """A project of another user, beside a file that only the superuser may read; all may come there."""
        with tempfile.TemporaryDirectory() as place:
            Path(place).chmod(0o755)
            hidden = Path(place, "hidden")
            hidden.write_text(self.SECRET)
            hidden.chmod(0o600)
            folder = Path(place, "anns")
            folder.mkdir()
            os.chown(folder, 65534, 65534)
            yield folder

    def test_what_the_owner_may_read_is_read(self, project: Path) -> None:
        (project.parent / "base.yaml").write_text("envguard: 1\npackages: {gym: '==0.26.2'}\n")
        (project / "p.yaml").write_text("envguard: 1\nname: p\nextends: ../base.yaml\n")
        policy = marker_policy(Project(str(project), policy="p.yaml")).policy
        assert [rule.name for rule in policy.rules.packages] == ["gym"]

    @pytest.mark.parametrize(
        "files",
        [
            pytest.param({"p.yaml": "envguard: 1\nname: p\nextends: ../hidden\n"}, id="extends"),
            pytest.param(
                {"p.yaml": "envguard: 1\nname: p\nlock: r.txt\n", "r.txt": "-r ../hidden\n"}, id="nested"
            ),
            pytest.param({"p.yaml": "-> ../hidden"}, id="a link"),
        ],
    )
    def test_what_the_owner_may_not_read_is_not_read_for_them(
        self, project: Path, files: dict[str, str]
    ) -> None:
        for name, text in files.items():
            if text.startswith("-> "):
                (project / name).symlink_to(text.removeprefix("-> "))
            else:
                (project / name).write_text(text)
        with pytest.raises(PolicyError) as caught:
            marker_policy(Project(str(project), policy="p.yaml"))
        told = " ".join(map(str, (caught.value, *caught.value.problems)))
        assert "cannot be read: Permission denied" in told
        assert "the only line" not in told
