"""The ways in which people make environments, each by its real tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.builders.environments import make_old_virtualenv, make_venv, make_virtualenv_27
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
        tool = [own_tool("virtualenv"), "--quiet", "--no-download", "--without-pip"]
        run([*tool, "--python", python, *options, folder], environ)
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
    """Answer the interpreter of a minor version, or ``Debian``'s; skip the test where it is absent."""
    if name != "Debian":
        return python_or_skip(name)
    if not Path("/usr/lib/python3/dist-packages").is_dir() or not DEBIAN.exists():
        pytest.skip("no Python of Debian's")
    return DEBIAN
