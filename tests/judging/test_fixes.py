"""Real drift of each kind is one finding, and the line that is printed for it mends it when it is pasted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.builders.environments import write_tree
from tests.builders.wheels import make_wheel
from tests.inventory.oracle.children import own_tool, run
from tests.inventory.oracle.making import make_with_pip
from tests.inventory.oracle.projects import commit, make_project
from tests.judging.person import Person, a_person
from tests.judging.world import by_pip, by_uv, make_with_uv

RULES = """
envguard: 1
name: rl-team
python: "==3.11.*"
lock: {lock}
packages:
  foreign: {{deny: true}}
  sphinx: ">=7,<8"
unlisted: error
integrity: error
origins: {{editable: error, vcs: error, direct-url: error}}
"""
WANTED = "gym\nnumpy<2\ntorch==2.4.1+cpu\nfastmath\n"
LOCKS = {
    "requirements.txt": ("--generate-hashes", "--output-file", "requirements.txt"),
    "pylock.toml": ("--output-file", "pylock.toml"),
}
CHANGERS = ["pip", "uv"]


class Team(NamedTuple):
    """A person with an environment of theirs that is as the policy wants it."""

    person: Person
    env: Path
    policy: Path
    changer: str

    def install(self, *words: str | Path) -> None:
        """Change the environment as a person does."""
        (by_pip if self.changer == "pip" else self._by_uv)(self.env, self.person.environ, *words)

    def _by_uv(self, env: Path, environ: Mapping[str, str], *words: str | Path) -> None:
        by_uv(env, environ, "install", *words)

    def remove(self, name: str) -> None:
        """Take a package out of the environment."""
        if self.changer == "pip":
            pip: list[str | Path] = [self.env / "bin" / "python", "-m", "pip", "--quiet"]
            run([*pip, "uninstall", "--yes", name], self.person.environ)
        else:
            by_uv(self.env, self.person.environ, "uninstall", name)

    def is_mended_after(self, kind: str, package: str | None) -> None:
        """Check that there is one error, and that its own line mends it."""
        (error,) = self.person.check(self.env, self.policy)
        assert (error["kind"], error["package"]) == (kind, package)
        assert error["fix"] == self.person.mend(self.env, self.policy)
        self.person.shell(error["fix"])
        assert self.person.check(self.env, self.policy) == []


@pytest.fixture(params=CHANGERS)
def changer(request: pytest.FixtureRequest) -> str:
    """Who changes the environment: its own pip, or uv from outside."""
    name: str = request.param
    return name


@pytest.fixture
def lock(changer: str) -> str:
    """The file name of the policy's lock."""
    return "requirements.txt" if changer == "pip" else "pylock.toml"


@pytest.fixture
def team(changer: str, lock: str, environ: Mapping[str, str], tmp_path: Path) -> Team:
    """A policy with a lock, and an environment that is as it wants."""
    files = {"requirements.in": WANTED, "rl-team.yaml": RULES.format(lock=lock)}
    folder = write_tree(tmp_path / "policies", files)
    compile_: list[str | Path] = [
        own_tool("uv"),
        "--quiet",
        "pip",
        "compile",
        *LOCKS[lock],
        "--python-version",
        "3.11",
    ]
    run([*compile_, "requirements.in"], environ, cwd=folder)
    env = tmp_path / "my env"
    make_with_pip("3.11", env) if changer == "pip" else make_with_uv("3.11", env, environ)
    made = Team(a_person(tmp_path, environ), env, folder / "rl-team.yaml", changer)
    made.install("-r", folder / "requirements.in", "sphinx")
    assert made.person.check(env, made.policy) == []
    return made


@pytest.mark.parametrize(
    ("change", "word", "kind", "package"),
    [
        pytest.param(Team.remove, "cloudpickle", "missing", "cloudpickle", id="missing from the lock"),
        pytest.param(Team.remove, "sphinx", "missing", "sphinx", id="missing by a rule"),
        pytest.param(Team.install, "numpy==2.1.0", "version-mismatch", "numpy", id="another version"),
        pytest.param(Team.install, "torch==2.4.1+cu121", "build-mismatch", "torch", id="another local label"),
        pytest.param(Team.install, "foreign", "denied", "foreign", id="denied"),
        pytest.param(Team.install, "zipp", "unlisted", "zipp", id="unlisted"),
    ],
)
def test_one_package(
    team: Team, change: Callable[[Team, str], None], word: str, kind: str, package: str
) -> None:
    change(team, word)
    team.is_mended_after(kind, package)


def test_an_editable_folder_in_place_of_the_index_s(team: Team, tmp_path: Path) -> None:
    team.install("--editable", make_project(tmp_path / "cloudpickle", "cloudpickle", "3.0.0"))
    team.is_mended_after("origin-mismatch", "cloudpickle")


def test_a_commit_in_place_of_the_index_s(team: Team, tmp_path: Path) -> None:
    repository = make_project(tmp_path / "repository", "cloudpickle", "3.0.0")
    team.remove("cloudpickle")
    team.install(f"cloudpickle @ {git_address(repository)}@{commit(repository, team.person.environ)}")
    team.is_mended_after("origin-mismatch", "cloudpickle")


def git_address(repository: Path) -> str:
    """Answer an address of a local repository as a requirement may have it: with a host."""
    return f"git+{repository.as_uri().replace('file:///', 'file://localhost/')}"


@pytest.mark.parametrize("lock", ["pylock.toml"])
def test_a_wheel_of_other_tags(team: Team, tmp_path: Path) -> None:
    """Only a lock that names its wheels can know."""
    built_here = make_wheel(tmp_path / "built", "fastmath", "1.5.0", tag="cp311-abi3-linux_x86_64")
    team.remove("fastmath")
    team.install("--no-index", "--find-links", built_here.parent, "fastmath")
    team.is_mended_after("hash-mismatch", "fastmath")


def test_a_file_that_was_edited(team: Team) -> None:
    (edited,) = team.env.glob("lib/*/site-packages/cloudpickle.py")
    kept = edited.read_text()
    edited.unlink()  # a hard link into uv's cache, maybe
    edited.write_text("raise SystemExit\n")
    assert team.person.check(team.env, team.policy) == []
    (error,) = team.person.check(team.env, team.policy, "--integrity")
    assert (error["kind"], error["package"]) == ("modified-files", "cloudpickle")
    team.person.shell(error["fix"])
    assert team.person.check(team.env, team.policy, "--integrity") == []
    assert edited.read_text() == kept


def test_all_at_once(team: Team, tmp_path: Path) -> None:
    team.install("numpy==2.1.0", "torch==2.4.1+cu121", "foreign", "zipp", "sphinx")
    team.remove("sphinx")
    team.remove("gym")
    team.install("--editable", make_project(tmp_path / "cloudpickle", "cloudpickle", "3.0.0"))
    kinds = sorted(each["kind"] for each in team.person.check(team.env, team.policy))
    expected = [
        "build-mismatch",
        "denied",
        "missing",
        "missing",
        "origin-mismatch",
        "unlisted",
        "version-mismatch",
    ]
    assert kinds == expected
    team.person.shell(team.person.mend(team.env, team.policy))
    assert team.person.check(team.env, team.policy) == []


def test_another_interpreter(team: Team, environ: Mapping[str, str]) -> None:
    """It is made anew and the old one kept; the next check says what to install."""
    shutil.rmtree(team.env)
    if team.changer == "pip":
        make_with_pip("3.13", team.env)
    else:
        make_with_uv("3.13", team.env, environ)
    first = team.person.check(team.env, team.policy)[0]
    assert first["kind"] == "interpreter-mismatch"
    team.person.shell(first["fix"])
    assert (team.env.parent / "my env.before").is_dir()
    team.person.shell(team.person.mend(team.env, team.policy))
    assert team.person.check(team.env, team.policy) == []
