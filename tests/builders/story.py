"""What the demo installs, as wheels of a few lines each: the same names and versions, the same failures."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection
from pathlib import Path

from envguard.cli.demo.story import policies_folder
from envguard.formats import parse_source, read_source
from tests.builders.wheels import make_wheel

_GYM = """\
import numpy as np


class _Space:
    def sample(self):
        return 0


class _Env:
    action_space = _Space()

    def __init__(self, checked):
        self._checked = checked

    def reset(self, seed=None):
        return [0.0]

    def step(self, action):
        if self._checked:
            np.bool8(False)
        return ([0.0], 1.0, False, False, {})

    def close(self):
        pass


def make(name, disable_env_checker=False):
    return _Env(not disable_env_checker)
"""
_OLD_GYM = _GYM.replace("np.bool8", "bool").replace("False, False, {}", "False, {}")
_OLDEST_GYM = "import distutils\n" + _OLD_GYM
_NUMPY = {"1": "bool8 = bool_ = bool\n", "2": "bool = bool_ = bool\n"}
_NEEDS = ("numpy>=1.18", "cloudpickle>=1.2.0", "gym-notices>=0.0.4")


def make_story_wheels(folder: Path, *, without: Collection[str] = ()) -> Path:
    """Write a wheel of everything that the demo asks pip for, save those names, and answer the folder."""
    for name, version in [*_locked(), ("numpy", "2.4.6")]:
        if name not in (*without, "gym"):
            files = {"numpy/__init__.py": _NUMPY[version[0]]} if name == "numpy" else None
            make_wheel(folder, name, version, files=files)
    for version, text in (("0.26.2", _GYM), ("0.25.2", _OLD_GYM), ("0.22.0", _OLDEST_GYM)):
        make_wheel(folder, "gym", version, requires=_NEEDS, files={"gym/__init__.py": text})
    return folder


def quick_python(folder: Path, python: str) -> Path:
    """Write an interpreter whose ``-m venv`` is virtualenv, ten times as fast, and answer its path."""
    path = folder / "quick-python"
    virtualenv = [sys.executable, "-m", "virtualenv", "--quiet", "--no-download", "--no-periodic-update"]
    making = shlex.join([*virtualenv, "--app-data", str(folder / "app-data"), "--python", python])
    path.write_text(f'#!/bin/sh\n[ "$2" = venv ] && exec {making} "$3"\nexec {shlex.quote(python)} "$@"\n')
    path.chmod(0o755)
    return path


def _locked() -> list[tuple[str, str]]:
    lock = parse_source(read_source(policies_folder() / "rl-team.yaml")).lock
    assert lock is not None
    return [(package.name, package.version) for package in lock.packages if package.version is not None]
