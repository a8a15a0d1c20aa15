"""``make bench``: reading and judging one environment, whole processes, against named peers in the same run.

Without arguments it measures a made environment of many packages; an argument is another environment to scan,
or ``home`` for a large home (see :mod:`benchmarks.home`).
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import home
from benchmarks.many import make_many, write_lock

RUNS = 11
_LISTING = "import importlib.metadata as m; [(d.metadata['Name'], d.version) for d in m.distributions()]"
_ENVGUARD = [sys.executable, "-m", "envguard.cli.main"]

Commands = dict[str, list[str]]


def main(arguments: list[str]) -> None:
    """Measure, and print medians and ratios."""
    if arguments == ["home"]:
        home.main()
        return
    if arguments:
        _report(Path(arguments[0]), _reading(Path(arguments[0])))
        return
    with tempfile.TemporaryDirectory(prefix="envguard-bench-") as folder:
        environment, lock = make_many(Path(folder)), write_lock(Path(folder))
        _report(environment, _reading(environment) | _judging(environment, lock))


def _reading(environment: Path) -> Commands:
    python = str(environment / "bin" / "python")
    return {
        "bare python": [python, "-c", "pass"],
        "importlib.metadata": [python, "-c", _LISTING],
        "pip inspect": [python, "-m", "pip", "--disable-pip-version-check", "inspect"],
        "envguard scan": [*_ENVGUARD, "scan", str(environment), "--json"],
    }


def _judging(environment: Path, lock: Path) -> Commands:
    python = str(environment / "bin" / "python")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    sync = ["pip", "sync", "--dry-run", "--offline", "--no-config", "--python", python, str(lock)]
    return {
        "pip check": [python, "-m", "pip", "--disable-pip-version-check", "check"],
        **({"uv pip sync --dry-run": [uv, *sync]} if uv is not None else {}),
        "envguard check": [*_ENVGUARD, "check", str(environment), "--policy", str(lock)],
    }


def _report(environment: Path, commands: Commands) -> None:
    medians = _medians(commands)
    count = len(list(environment.glob("lib/python*/site-packages/*.dist-info")))
    print(f"{count} distributions, median of {RUNS} whole processes in turn, files in the page cache")
    listing_s = medians["importlib.metadata"]
    for name, median_s in medians.items():
        print(f"{name:<22} {median_s * 1000:8.1f} ms   {median_s / listing_s:5.2f} of importlib.metadata")


def _medians(commands: Commands) -> dict[str, float]:
    """Run all commands in turn, so that a slow moment of the machine hits each of them."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in taken.items()}


if __name__ == "__main__":
    main(sys.argv[1:])
