from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def home(tmp_path: Path, empty_of: Callable[[str], Path]) -> Path:
    """Give a home with an environment in a project."""
    folder = tmp_path / "home"
    shutil.copytree(empty_of("3.11"), folder / "projects" / "rl" / ".venv", symlinks=True)
    return folder
