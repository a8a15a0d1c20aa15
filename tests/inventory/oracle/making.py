"""The ways in which people make environments, each by its real tool."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.builders.environments import (
    install_wheel_files,
    make_old_virtualenv,
    make_venv,
    make_virtualenv_27,
)
from tests.inventory.asking import python_or_skip
from tests.inventory.oracle.children import own_tool, run

Maker = Callable[[Path, Path, Mapping[str, str]], Path]
"""Makes an environment of an interpreter in a folder, and answers the folder."""

DEBIAN = Path("/usr/bin/python3")


def by_venv(*options: str) -> Maker:
    """Make by the standard library's ``venv``."""
    return lambda python, folder, _environ: make_venv(python, folder, *options)


def by_virtualenv(*options: str) -> Maker:
    """Make by today's virtualenv."""

    def make(python: Path, folder: Path, environ: Mapping[str, str]) -> Path:
        how = ["--quiet", "--no-download", "--without-pip", *options]
        run([own_tool("virtualenv"), *how, "--python", python, folder], environ)
        return folder

    return make


def by_uv(*options: str) -> Maker:
    """Make by ``uv venv``."""

    def make(python: Path, folder: Path, environ: Mapping[str, str]) -> Path:
        run([own_tool("uv"), "--quiet", "venv", "--python", python, *options, folder], environ)
        return folder

    return make


def by_virtualenv_15(python: Path, folder: Path, _environ: Mapping[str, str]) -> Path:
    """Lay out as virtualenv did before 20."""
    return make_old_virtualenv(python, folder)


def by_virtualenv_20_for_27(python: Path, folder: Path, _environ: Mapping[str, str]) -> Path:
    """Lay out as virtualenv 20 did while it knew Python 2."""
    return make_virtualenv_27(python, folder)


WAYS: dict[str, Maker] = {
    "venv": by_venv(),
    "venv, seeing its base": by_venv("--system-site-packages"),
    "venv, copies": by_venv("--copies"),
    "virtualenv": by_virtualenv(),
    "virtualenv, seeing its base": by_virtualenv("--system-site-packages"),
    "virtualenv, copies": by_virtualenv("--copies"),
    "uv": by_uv(),
    "uv, seeing its base": by_uv("--system-site-packages"),
}
WAYS_FOR_27: dict[str, Maker] = {
    "virtualenv before 20": by_virtualenv_15,
    "virtualenv 20": by_virtualenv_20_for_27,
}


def base_python(name: str) -> Path:
    """Answer the interpreter of a minor version, ``Debian``'s or ``PyPy``; skip where it is absent."""
    if name == "PyPy":
        pypy = shutil.which("pypy3")
        if pypy is None:
            pytest.skip("no PyPy on this machine")
        return Path(pypy)
    if name != "Debian":
        return python_or_skip(name)
    if not Path("/usr/lib/python3/dist-packages").is_dir() or not DEBIAN.exists():
        pytest.skip("no Python of Debian's")
    return DEBIAN


def make_with_pip(name: str, folder: Path) -> Path:
    """Make an environment with the pip (and, before 3.12, the setuptools) that its Python brings along."""
    python = base_python(name)
    (make_old_virtualenv if name == "2.7" else make_venv)(python, folder)
    bundled = sorted(python.resolve().parent.parent.glob("lib/*/ensurepip/_bundled/*.whl"))
    if not bundled:
        pytest.skip(f"the Python {name} here brings no pip")
    newest = {wheel.name.partition("-")[0]: wheel for wheel in bundled}
    for wheel in newest.values():
        install_wheel_files(folder, wheel)
    return folder
