"""What ``uv pip sync`` installed from a pylock is what we want of it, for several Pythons and choices."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from envguard.domain.locks.lock import LockChoice
from envguard.formats.locks import read_lock
from tests.builders.environments import write_tree
from tests.inventory.oracle.children import own_tool, run, system_tool
from tests.inventory.oracle.projects import commit, make_project
from tests.judging.changes import each_change_is_one_finding
from tests.judging.world import PYTHONS, by_uv, make_with_uv

DATA = Path(__file__).parent / "data"
CHOICES: dict[str, tuple[tuple[str, ...], LockChoice]] = {
    "the defaults": ((), LockChoice()),
    "an extra": (("--extra", "human"), LockChoice(extras=("human",))),
    "another group": (("--group", "docs"), LockChoice(groups=("docs",))),
    "all": (
        ("--all-extras", "--group", "dev", "--group", "docs"),
        LockChoice(extras=("human",), groups=("dev", "docs")),
    ),
}
WANTED = (
    "gym\nnumpy<2; python_version < '3.9'\nnumpy>=2; python_version >= '3.9'\nfastmath\ntorch==2.4.1+cu121\n"
)
MOVED = "gym @ {commit}\nsphinx @ {archive}\nini-config @ {folder}\n-e {working}\n"


@pytest.fixture(scope="module")
def compiled(environ: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pylock for all Pythons and platforms, as ``uv pip compile`` writes it."""
    folder = write_tree(tmp_path_factory.mktemp("compiled"), {"requirements.in": WANTED})
    how = ["--universal", "--python-version", "3.8", "--output-file", "pylock.toml"]
    run([own_tool("uv"), "--quiet", "pip", "compile", *how, "requirements.in"], environ, cwd=folder)
    return folder / "pylock.toml"


@pytest.mark.parametrize("python", PYTHONS)
def test_a_compiled_one(python: str, compiled: Path, environ: Mapping[str, str], tmp_path: Path) -> None:
    env = make_with_uv(python, tmp_path / "env", environ)
    snapshot = by_uv(env, environ, "sync", compiled)
    builds = {package.name: package.build for package in snapshot.packages}
    assert (builds["fastmath"] or "").startswith(f"cp{python.replace('.', '')}-")
    each_change_is_one_finding(snapshot, read_lock(compiled))


def written(name: str, wheels: Path, folder: Path) -> Path:
    """Write a lock of the test data where its wheels lie, with their digests, and answer its path."""
    text = (DATA / name).read_text(encoding="utf-8").replace("file:///WHEELS", wheels.as_uri())
    digests = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in wheels.glob("*.whl")}
    text = re.sub(r"DIGEST OF ([^\"]+)", lambda match: digests[match[1]], text)
    path = folder / "pylock.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_one_that_pip_locked(wheels: Path, environ: Mapping[str, str], tmp_path: Path) -> None:
    path = written("pip-lock.toml", wheels, tmp_path)
    snapshot = by_uv(make_with_uv("3.11", tmp_path / "env", environ), environ, "sync", path)
    each_change_is_one_finding(snapshot, read_lock(path))


@pytest.mark.parametrize("python", ["3.8", "3.13"])
@pytest.mark.parametrize("name", CHOICES)
def test_one_with_extras_and_groups(
    name: str, python: str, wheels: Path, environ: Mapping[str, str], tmp_path: Path
) -> None:
    options, choice = CHOICES[name]
    path = written("choices.toml", wheels, tmp_path)
    env = make_with_uv(python, tmp_path / "env", environ)
    snapshot = by_uv(env, environ, "sync", *options, path)
    each_change_is_one_finding(snapshot, read_lock(path), choice)


def test_what_comes_from_elsewhere_than_an_index(
    wheels: Path, environ: Mapping[str, str], tmp_path: Path
) -> None:
    repository = make_project(tmp_path / "repository", "gym", "0.27")
    wanted = MOVED.format(
        commit=f"git+{repository.as_uri()}@{commit(repository, environ)}",
        archive=next(wheels.glob("sphinx-*.whl")).as_uri(),
        folder=make_project(tmp_path / "folder", "ini-config", "3.0").as_uri(),
        working=make_project(tmp_path / "working", "rl-envs", "0.1"),
    )
    write_tree(tmp_path, {"requirements.in": wanted})
    how: list[str | Path] = ["--output-file", "pylock.toml", "--python", own_tool("python")]
    with_git = {**environ, "PATH": f"{system_tool('git').parent}:{environ['PATH']}"}
    run([own_tool("uv"), "--quiet", "pip", "compile", *how, "requirements.in"], with_git, cwd=tmp_path)
    path = tmp_path / "pylock.toml"
    snapshot = by_uv(make_with_uv("3.11", tmp_path / "env", environ), with_git, "sync", path)
    kinds = {package.name: package.origin.kind for package in snapshot.packages}
    expected = {"gym": "vcs", "sphinx": "archive", "ini-config": "directory", "rl-envs": "editable"}
    assert kinds == expected
    each_change_is_one_finding(snapshot, read_lock(path))
