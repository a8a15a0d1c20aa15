"""What a project's own tool installs from its lock is what we want of it, for several Pythons.

Poetry and Pipenv are not asked here: what they had is known (Poetry's beside its locks, in the data of the
formats' tests), and is installed by pip in their stead.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from envguard.domain.locks.lock import LockChoice
from envguard.formats.locks import read_lock
from tests.builders.environments import site_packages, write_dist_info
from tests.builders.projects import make_project
from tests.builders.wheels import make_wheel
from tests.inventory.oracle.children import own_tool, run
from tests.inventory.oracle.making import base_python, make_with_pip
from tests.judging.changes import each_change_is_one_finding
from tests.judging.world import PYTHONS, by_pip, snapshot_of

UV_PROJECT = """
[project]
name = "rl-study"
version = "0.1.0"
requires-python = ">=3.8"
dependencies = [
    "gym",
    "fastmath",
    "numpy==1.24.4; python_version < '3.9'",
    "numpy==2.1.0; python_version >= '3.9'",
    "winfix; sys_platform == 'win32'",
]
[project.optional-dependencies]
human = ["gym[human]"]
fast = ["torch==2.4.1+cu121; python_version >= '3.11'", "torch==2.4.1+cpu; python_version < '3.11'"]
[dependency-groups]
dev = ["pytest"]
docs = ["sphinx; python_version >= '3.11'"]
"""
UV_CHOICES: dict[str, tuple[tuple[str, ...], LockChoice]] = {
    "nothing chosen": ((), LockChoice()),
    "extras and no group": (("--all-extras", "--no-dev"), LockChoice(extras=("fast", "human"), groups=())),
    "a group": (("--group", "docs"), LockChoice(groups=("dev", "docs"))),
}
POETRY = Path(__file__).parents[1] / "formats" / "locks" / "data"
POETRY_CHOICES = {
    "plain": LockChoice(),
    "docs": LockChoice(groups=("dev", "docs-site")),
    "play": LockChoice(extras=("play",), groups=()),
    "all": LockChoice(extras=("play", "track"), groups=("dev", "docs-site")),
}
COMMIT = "b2eb102f12a7cded8dbde1b9696654ad249e2795"
APART: dict[str, dict[str, object]] = {
    "dir1": {"url": "file:///lib/dir1", "dir_info": {"editable": True}},
    "gitdep": {"url": "https://git.example/gitdep", "vcs_info": {"vcs": "git", "commit_id": COMMIT}},
}
"""What Poetry installed from elsewhere than an index, as it notes it."""
PIPENV_HAD: dict[str, tuple[str, ...]] = {
    "default": ("cloudpickle==3.0.0", "gym==0.26.2", "numpy==2.1.0", "torch==2.4.1+cpu"),
    "develop": ("Ini.Config==2.0", "pytest==8.0"),
}


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", UV_CHOICES)
def test_a_project_of_uv_s(name: str, python: str, environ: Mapping[str, str], tmp_path: Path) -> None:
    options, choice = UV_CHOICES[name]
    project = make_project(tmp_path / "project", UV_PROJECT, builds=("rl_study", "0.1.0"))
    here = {**environ, "UV_PYTHON": str(base_python(python))}
    run([own_tool("uv"), "--quiet", "lock"], here, cwd=project)
    run([own_tool("uv"), "--quiet", "sync", "--locked", *options], here, cwd=project)
    snapshot = snapshot_of(project / ".venv")
    each_change_is_one_finding(snapshot, read_lock(project / "uv.lock"), choice)


@pytest.mark.parametrize("path", sorted(POETRY.glob("poetry-*/installed/*.txt")), ids=lambda path: path.stem)
def test_a_project_of_poetry_s(path: Path, environ: Mapping[str, str], tmp_path: Path) -> None:
    python, _, choice = path.stem.partition("-")
    env = make_with_pip(python, tmp_path / "env")
    pins = dict(line.split("==") for line in path.read_text(encoding="utf-8").split())
    for name in APART.keys() & pins.keys():
        direct_url = json.dumps(APART[name])
        write_dist_info(
            site_packages(env), name, pins.pop(name), INSTALLER="pip\n", direct_url__json=direct_url
        )
    for name, version in pins.items():
        make_wheel(tmp_path / "wheels", name, version)
    here = {**environ, "PIP_FIND_LINKS": str(tmp_path / "wheels")}
    wanted = [f"{name}=={version}" for name, version in pins.items()]
    snapshot = by_pip(env, here, "--no-deps", "--no-index", *wanted)
    each_change_is_one_finding(snapshot, read_lock(path.parents[1] / "poetry.lock"), POETRY_CHOICES[choice])


@pytest.mark.parametrize("groups", [(), ("develop",)], ids=["sync", "sync --dev"])
def test_a_project_of_pipenv_s(
    groups: tuple[str, ...], wheels: Path, environ: Mapping[str, str], tmp_path: Path
) -> None:
    def entry(requirement: str) -> dict[str, object]:
        name, _, version = requirement.partition("==")
        (wheel,) = wheels.glob(f"{name.lower().replace('.', '_')}-{version}-*.whl")
        return {
            "version": f"=={version}",
            "hashes": [f"sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"],
        }

    sections: dict[str, dict[str, object]] = {
        section: {each.partition("==")[0].lower(): entry(each) for each in had}
        for section, had in PIPENV_HAD.items()
    }
    sections["default"]["winfix"] = {"version": "==1.0", "markers": "sys_platform == 'win32'"}
    meta = {
        "hash": {"sha256": "00"},
        "pipfile-spec": 6,
        "requires": {"python_version": "3.11"},
        "sources": [],
    }
    (tmp_path / "Pipfile.lock").write_text(json.dumps({"_meta": meta, **sections}), encoding="utf-8")
    had = [each for section in ("default", *groups) for each in PIPENV_HAD[section]]
    snapshot = by_pip(make_with_pip("3.11", tmp_path / "env"), environ, "--no-deps", *had)
    each_change_is_one_finding(snapshot, read_lock(tmp_path / "Pipfile.lock"), LockChoice(groups=groups))
