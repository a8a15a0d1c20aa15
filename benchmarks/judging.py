"""``python -m benchmarks judging``: one environment held to a lock of 415 pins, against pip and uv."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.installed import installed_envguard
from benchmarks.many import PACKAGES, make_many, write_lock
from benchmarks.timing import RUNS, median_seconds, print_ratios


def main() -> None:
    """Make the environment and its lock, measure, and print medians and ratios."""
    envguard = installed_envguard()
    with tempfile.TemporaryDirectory(prefix="envguard-bench-") as folder:
        environment, lock = make_many(Path(folder)), write_lock(Path(folder))
        print(f"{PACKAGES} made distributions and their lock, median of {RUNS} whole processes in turn")
        print_ratios(median_seconds(_commands(environment, lock, envguard)), to="pip check")


def _commands(environment: Path, lock: Path, envguard: list[str]) -> dict[str, list[str]]:
    python = str(environment / "bin" / "python")
    uv = str(Path(sys.executable).with_name("uv"))
    sync = ["pip", "sync", "--dry-run", "--offline", "--no-config", "--python", python, str(lock)]
    check = ["check", str(environment), "--policy", str(lock)]
    return {
        "pip check": [python, "-m", "pip", "--disable-pip-version-check", "check"],
        "uv pip sync --dry-run": [uv, *sync],
        "envguard check": [*envguard, *check],
    }
