"""Drift from a project's own lock is mended by the project's own tool, in the line that is printed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.builders.projects import make_project
from tests.inventory.oracle.children import own_tool, run
from tests.inventory.oracle.projects import commit
from tests.inventory.oracle.projects import make_project as make_other
from tests.judging.person import Person, a_person
from tests.judging.test_fixes import git_address
from tests.judging.world import by_uv

PROJECT = """
[project]
name = "rl-study"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["gym", "numpy==1.24.4", "sphinx", "cloudpickle"]
[project.optional-dependencies]
fast = ["torch==2.4.1+cpu"]
[dependency-groups]
dev = ["pytest"]
[tool.uv.sources]
cloudpickle = {{git = "{git}"}}
"""
POLICY = """
envguard: 1
name: rl-team
lock: {file: uv.lock, extras: [fast], groups: [dev]}
unlisted: error
origins: {editable: error, direct-url: error, vcs: error}
"""


@pytest.fixture
def person(environ: Mapping[str, str], tmp_path: Path) -> Person:
    """Somebody in a project of uv's that is as its lock wants it."""
    repository = make_other(tmp_path / "repository", "cloudpickle", "3.0.0")
    commit(repository, environ)
    address = git_address(repository).removeprefix("git+")
    project = make_project(tmp_path / "rl study", PROJECT.format(git=address), builds=("rl_study", "0.1.0"))
    (project / "rl-team.yaml").write_text(POLICY, encoding="utf-8")
    made = a_person(project, environ)
    made.shell("uv lock --quiet && uv sync --quiet --locked --extra fast")
    assert made.check(project / ".venv", project / "rl-team.yaml") == []
    return made


@pytest.mark.parametrize(
    ("words", "kind", "package"),
    [
        (("uninstall", "gym"), "missing", "gym"),
        (("uninstall", "pytest"), "missing", "pytest"),
        (("install", "numpy==2.1.0"), "version-mismatch", "numpy"),
        (("install", "torch==2.4.1+cu121"), "build-mismatch", "torch"),
        (("install", "foreign"), "unlisted", "foreign"),
        (("install", "--no-deps", "--reinstall", "cloudpickle==3.0.0"), "origin-mismatch", "cloudpickle"),
    ],
    ids=lambda each: each if isinstance(each, str) else " ".join(each),
)
def test_each_kind_of_drift(words: tuple[str, ...], kind: str, package: str, person: Person) -> None:
    env, policy = person.cwd / ".venv", person.cwd / "rl-team.yaml"
    by_uv(env, person.environ, *words)
    (error,) = person.check(env, policy)
    assert (error["kind"], error["package"]) == (kind, package)
    if kind != "unlisted":
        assert "uv sync --locked" in error["fix"]
    person.shell(error["fix"])
    assert person.check(env, policy) == []


def test_an_editable_folder_that_only_satisfies(person: Person, tmp_path: Path) -> None:
    """``uv sync`` takes the right version from anywhere for installed; so it is not what is printed."""
    env, policy = person.cwd / ".venv", person.cwd / "rl-team.yaml"
    by_uv(env, person.environ, "install", "--editable", make_other(tmp_path / "sphinx", "sphinx", "7.0"))
    (error,) = person.check(env, policy)
    assert (error["kind"], error["package"]) == ("origin-mismatch", "sphinx")
    person.shell(error["fix"])
    assert person.check(env, policy) == []


def test_an_environment_elsewhere_of_the_project(environ: Mapping[str, str], person: Person) -> None:
    env, policy = person.cwd / "my env", person.cwd / "rl-team.yaml"
    run([own_tool("uv"), "--quiet", "venv", env], {**environ, **person.environ}, cwd=person.cwd)
    assert {each["kind"] for each in person.check(env, policy)} == {"missing"}
    person.shell(person.mend(env, policy))
    assert person.check(env, policy) == []
