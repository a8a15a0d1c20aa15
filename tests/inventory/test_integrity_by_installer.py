"""Integrity of environments that real installers made: pip, and uv in each of its ways to put files there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envguard.domain.environment import Integrity
from envguard.inventory import read_environment
from tests.builders.environments import make_venv, site_packages
from tests.builders.wheels import make_wheel
from tests.inventory.test_integrity import CONTENT, NOW, hashes_of, sizes_of

ROOT = Path(__file__).resolve().parents[2]
QUIET = {"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1", "HOME": os.devnull}


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of wheels: a package with a submodule, one with a script and data, a plain module."""
    folder = tmp_path_factory.mktemp("wheels")
    make_wheel(folder, "gym", "0.26.2", files={"gym/__init__.py": CONTENT, "gym/core.py": "y = 2\n" * 99})
    scripts = {
        "tool.py": CONTENT,
        "tool-1.0.data/scripts/tool": "#!python\nimport tool\n",
        'tool-1.0.data/data/share/tool/notes, "old".txt': "notes\n",
        "tool-1.0.dist-info/entry_points.txt": "[console_scripts]\ntool-run = tool:x\n",
    }
    make_wheel(folder, "tool", "1.0", files=scripts)
    make_wheel(folder, "six", "1.16.0")
    return folder


PACKAGES = ("gym", "tool", "six")


def run(*command: str | Path, **environ: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=120, env={**QUIET, **environ})


def with_pip(env: Path, wheels: Path) -> None:
    python = env / "bin" / "python"
    make_venv(Path(sys.executable), env)
    run(python, "-m", "ensurepip")
    run(python, "-m", "pip", "install", "--no-index", "--find-links", wheels, *PACKAGES)


def with_uv(mode: str) -> Callable[[Path, Path], None]:
    def build(env: Path, wheels: Path) -> None:
        uv = shutil.which("uv", path=Path(sys.executable).parent) or shutil.which("uv")
        if uv is None:
            pytest.skip("no uv here")
        cache = str(env.parent / "cache")
        run(uv, "venv", "--offline", "--python", sys.executable, env, UV_CACHE_DIR=cache, UV_NO_CONFIG="1")
        install: list[str | Path] = [
            uv,
            "pip",
            "install",
            "--offline",
            "--no-index",
            "--link-mode",
            mode,
            "--python",
            env,
        ]
        run(*install, "--find-links", wheels, *PACKAGES, UV_CACHE_DIR=cache, UV_NO_CONFIG="1")

    return build


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Callable[[str], Path]:
    """Give an environment by an installer's name, made once and only to be copied."""
    made: dict[str, Path] = {}

    def give(how: str) -> Path:
        if how not in made:
            env = tmp_path_factory.mktemp(how) / "env"
            (with_pip if how == "pip" else with_uv(how))(env, wheels)
            made[how] = env
        return made[how]

    return give


@pytest.fixture(params=[pytest.param("pip", marks=pytest.mark.slow), "copy", "hardlink", "symlink"])
def made(request: pytest.FixtureRequest, installed: Callable[[str], Path], tmp_path: Path) -> Path:
    """Give an environment as pip, or uv in one of its modes, made it."""
    folder = tmp_path / "env"
    shutil.copytree(installed(request.param), folder, symlinks=True)
    return folder


def test_a_fresh_environment_is_whole_whoever_made_it(made: Path) -> None:
    assert {"gym", "tool", "six"} <= {each.name for each in read_environment(made).snapshot.packages}
    assert hashes_of(made) == sizes_of(made) == Integrity(NOW, ())


def test_exactly_what_was_changed_is_found_whoever_made_it(made: Path) -> None:
    site = site_packages(made)
    core = replaced(site / "gym" / "core.py")
    core.write_text(core.read_text().replace("2", "3", 1))
    with replaced(site / "six.py").open("a") as file:
        file.write("\n")
    (made / "bin" / "tool").unlink()
    (site / "tool.py").touch()
    replaced(site / "gym" / "__init__.py").chmod(0o600)
    found = hashes_of(made)
    assert found.modified == ("gym", "six", "tool")
    assert found.files == {"gym": ("gym/core.py",), "six": ("six.py",), "tool": ("../../../bin/tool",)}
    assert sizes_of(made).modified == ("six", "tool")


def replaced(path: Path) -> Path:
    """Make a linked file the environment's own, so that a test does not write into the shared cache."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    return path


def test_this_checkout_s_own_environment_is_whole() -> None:
    env = ROOT / ".venv"
    if not (env / "pyvenv.cfg").exists():
        pytest.skip("no .venv in this checkout")
    found = hashes_of(env)
    assert (found.modified, found.unchecked) == ((), ())
