"""An environment of each Python of this machine, with the guard's files in it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from envguard.runs.guard_files import MODULES
from tests.builders.environments import make_old_virtualenv, make_venv, pyenv_python, site_packages

MINORS = ("2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13")


class Told(NamedTuple):
    """What a script printed, and how it ended."""

    code: int
    out: str
    err: str


class Place:
    """One environment, and a folder in which scripts are run with it."""

    def __init__(self, env: Path, project: Path) -> None:
        self.env = env
        self.project = project
        self.runtime = project.parent / "runtime"
        self.home = project.parent / "home"
        for folder in (project, self.runtime, self.home):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def python(self) -> Path:
        return self.env / "bin" / "python"

    @property
    def site(self) -> Path:
        return site_packages(self.env)

    def run(self, text: str, **environ: str) -> Told:
        """Run a script that says ``text`` in the project."""
        script = self.project / "train.py"
        script.write_text(text)
        return self.call(str(script), **environ)

    def call(self, *arguments: str, **environ: str) -> Told:
        """Run the interpreter with these arguments; no ``envguard`` is on ``PATH``."""
        given = {
            "PATH": os.defpath,
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.runtime),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environ,
        }
        command = [str(self.python), *arguments]
        done = subprocess.run(
            command, cwd=self.project, env=given, capture_output=True, text=True, timeout=60, check=False
        )
        return Told(done.returncode, done.stdout, done.stderr)


def take_guard_away(place: Place) -> None:
    """Leave an environment as it was before it got the guard."""
    for name in MODULES:
        (place.site / name).unlink(missing_ok=True)


def make_place(minor: str, folder: Path) -> Place:
    """Make an environment of a Python version below a folder, with the guard's files."""
    python = pyenv_python(minor)
    assert python is not None, minor
    make = make_old_virtualenv if minor == "2.7" else make_venv
    place = Place(make(python, folder / "env"), folder / "project")
    for name, text in MODULES.items():
        (place.site / name).write_text(text(), encoding="ascii")
    return place
