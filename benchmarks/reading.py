"""``python -m benchmarks reading [FOLDER]``: one environment read, against what Python, pip and uv do."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.installed import installed_envguard
from benchmarks.large import large_environment
from benchmarks.timing import RUNS, median_seconds, print_ratios

_LISTING = "import importlib.metadata as m; [(d.metadata['Name'], d.version) for d in m.distributions()]"


def main(folder: Path | None = None) -> None:
    """Measure whole processes, then inside of one, then the agent's child."""
    environment = (folder or large_environment()).absolute()
    envguard = installed_envguard()
    count = len(list(environment.glob("lib/python*/site-packages/*.dist-info")))
    print(f"{count} distributions, median of {RUNS} whole processes in turn, files in the page cache")
    print_ratios(median_seconds(_commands(environment, envguard)), to="importlib.metadata")
    _print_inside(environment)
    _print_child(environment)


def _commands(environment: Path, envguard: list[str]) -> dict[str, list[str]]:
    python = str(environment / "bin" / "python")
    uv = str(Path(sys.executable).with_name("uv"))
    return {
        "bare python": [python, "-c", "pass"],
        "importlib.metadata": [python, "-c", _LISTING],
        "pip list": [python, "-m", "pip", "--disable-pip-version-check", "list", "--format", "json"],
        "pip inspect": [python, "-m", "pip", "--disable-pip-version-check", "inspect"],
        "uv pip list": [uv, "pip", "list", "--offline", "--format", "json", "--python", python],
        "envguard scan": [*envguard, "scan", str(environment), "--json"],
    }


def _print_inside(environment: Path) -> None:
    """Each in a fresh process: a first reading is one that nothing was done before."""
    told = [
        json.loads(
            subprocess.run(
                [sys.executable, "-m", "benchmarks.inside", str(environment)],
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
        )
        for _ in range(RUNS)
    ]
    for key, name in (("cold_ms", "first reading"), ("again_ms", "nothing changed")):
        print(f"{name:<22} {statistics.median(each[key] for each in told):8.1f} ms   inside a process")


def _print_child(environment: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="envguard-bench-") as state,
        Path(os.devnull).open("wb") as nowhere,
    ):
        told = nowhere.fileno()
        command = [
            sys.executable,
            "-m",
            "envguard.agent.child",
            "60",
            state,
            str(told),
            str(environment.parent),
        ]
        child = subprocess.Popen(command, stdout=nowhere, pass_fds=(told,))
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    name, peak_mb = "scan by the agent", usage.ru_maxrss / 1024
    print(f"{name:<22} {peak_mb:8.1f} MB   peak of its child's memory, exit code {child.returncode}")
