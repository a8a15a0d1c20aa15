"""A person at a shell: checks an environment by the command, pastes what it prints, checks again."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tests.builders.environments import pyenv_python
from tests.inventory.oracle.children import TIMEOUT_S

CODES = {0: "compliant", 1: "drifted", 3: "unknown"}


class Person(msgspec.Struct, frozen=True):
    """Somebody in a folder, with their variables."""

    cwd: Path
    environ: Mapping[str, str]

    def shell(self, line: str) -> str:
        """Carry out a line in the shell, and answer what it printed; the test fails where it does."""
        done = self._run("/bin/sh", "-c", line)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def envguard(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Carry out a command of ours."""
        done = self._run(sys.executable, "-m", "envguard.cli.main", *map(str, words))
        assert "Traceback" not in done.stderr
        return done

    def check(self, env: Path, policy: Path, *more: str) -> list[dict[str, Any]]:
        """Answer the errors of ``envguard check``, whose exit code must agree with them."""
        done = self.envguard("check", env, "--policy", policy, "--json", *more)
        assert done.returncode in CODES, done.stderr
        verdict = json.loads(done.stdout)
        assert verdict["verdict"] == CODES[done.returncode]
        errors = [each for each in verdict["findings"] if each["severity"] == "error"]
        assert bool(errors) is (done.returncode == 1)
        return errors

    def mend(self, env: Path, policy: Path, *more: str) -> str:
        """Answer the one line by which ``envguard check`` would mend everything."""
        printed = self.envguard("check", env, "--policy", policy, *more).stdout
        (line,) = (each for each in printed.splitlines() if each.startswith("mend  "))
        return line.removeprefix("mend  ")

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.cwd,
            env=dict(self.environ),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )


def a_person(cwd: Path, environ: Mapping[str, str]) -> Person:
    """Answer somebody who finds uv, git and the Pythons of this machine, and no policy but what is named."""
    pythons = [str(each.parent) for each in map(pyenv_python, ("3.11", "3.13")) if each is not None]
    path = ":".join([str(Path(sysconfig.get_path("scripts"))), *pythons, environ["PATH"]])
    (cwd / "state").mkdir(exist_ok=True)
    here = {"PATH": path, "ENVGUARD_STATE": str(cwd / "state"), "HOME": str(cwd)}
    return Person(cwd, {**environ, **here})
