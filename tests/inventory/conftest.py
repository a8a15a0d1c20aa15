"""Real environments, made once per worker and minor version, and copied by whoever changes one."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.builders.environments import make_old_virtualenv, make_venv
from tests.inventory.asking import python_or_skip


@pytest.fixture(scope="session")
def empty_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give an empty environment of a minor version; it is shared, so only to be read."""
    made: dict[str, Path] = {}

    def give(minor: str) -> Path:
        if minor not in made:
            python = python_or_skip(minor)
            folder = tmp_path_factory.mktemp("env") / f"v{minor}"
            made[minor] = (make_old_virtualenv if minor == "2.7" else make_venv)(python, folder)
        return made[minor]

    return give


@pytest.fixture
def new_env(empty_of: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """Give an environment of a minor version that the test may change."""

    def give(minor: str = "3.11") -> Path:
        folder = tmp_path / f"env{minor}"
        shutil.copytree(empty_of(minor), folder, symlinks=True)
        return folder

    return give


@pytest.fixture
def env(new_env: Callable[[str], Path]) -> Path:
    """Give an environment that the test may change, where the version does not matter."""
    return new_env("3.11")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Give a folder that every user can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="envguard-test-")).resolve()
    folder.chmod(0o755)
    yield folder
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)  # what a test closed
    shutil.rmtree(folder)


@pytest.fixture
def as_somebody() -> Iterator[Callable[[], None]]:
    """Give a call that drops the superuser's powers until the test ends; without them it does nothing."""
    mine = os.geteuid()

    def drop() -> None:
        if mine == 0:
            os.seteuid(65534)

    yield drop
    if mine == 0:
        os.seteuid(0)
