"""A project whose runs are made again, by real tools, from a folder of wheels."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.builders.environments import install_wheel_files, make_venv
from tests.builders.indexes import serve_index
from tests.builders.projects import make_project
from tests.builders.wheels import make_wheel
from tests.cli.conftest import Envguard, Run
from tests.cli.rebuild.receipts import PROJECT, Rebuild
from tests.inventory.oracle.children import clean_environ, own_tool, run


@pytest.fixture(scope="session")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheels, and the lock that uv made of them."""
    folder = tmp_path_factory.mktemp("locked")
    for name, version in (("gym", "0.26.2"), ("numpy", "1.26.4"), ("torch", "2.4.0+cu121")):
        make_wheel(folder / "wheels", name, version)
    make_project(folder, PROJECT)
    environ = {**clean_environ(folder / "caches"), "UV_OFFLINE": "0", "UV_PYTHON": sys.executable}
    with serve_index(folder / "wheels") as index:
        run([str(own_tool("uv")), "lock", "--default-index", index], environ, folder)
    return folder


@pytest.fixture
def wheels(locked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(locked / "wheels", tmp_path / "wheels"))


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Nobody's settings."""
    (tmp_path / "home").mkdir()
    return {**clean_environ(tmp_path / "caches"), "HOME": str(tmp_path / "home")}


@pytest.fixture
def project(tmp_path: Path, locked: Path, wheels: Path) -> Path:
    """A project with a lock of uv's, and an environment that is as it says."""
    folder = make_project(tmp_path / "project", PROJECT)
    shutil.copy(locked / "uv.lock", folder)
    make_venv(Path(sys.executable), folder / ".venv")
    for wheel in ("gym-0.26.2", "numpy-1.26.4"):
        install_wheel_files(folder / ".venv", next(wheels.glob(f"{wheel}-*")))
    return folder


@pytest.fixture
def rebuild(envguard: Envguard, variables: dict[str, str], wheels: Path, project: Path) -> Rebuild:
    """Rebuild in the project, with the folder of wheels as the only source."""

    def call(*words: str | Path, **more: str) -> Run:
        sources = ("--no-index", "--find-links", wheels)
        return envguard("rebuild", *words, *sources, cwd=project, **{**variables, **more})

    return call
