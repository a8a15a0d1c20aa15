"""``make bench``: how long reading one environment takes, whole processes, against named peers."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

_RUNS = 7
_LISTING = "import importlib.metadata as m; [(d.metadata['Name'], d.version) for d in m.distributions()]"


def main() -> None:
    """Print each command's median and its ratio to ``importlib.metadata``'s."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(sys.prefix)
    python = str(target / "bin" / "python")
    commands = {
        "bare python": [sys.executable, "-c", "pass"],
        "importlib.metadata": [python, "-c", _LISTING],
        "pip inspect": [python, "-m", "pip", "--disable-pip-version-check", "inspect"],
        "envguard scan": [sys.executable, "-m", "envguard.cli.main", "scan", str(target), "--json"],
    }
    medians = _medians(commands)
    count = len(list(target.glob("lib/python*/site-packages/*.dist-info")))
    print(f"{count} distributions, median of {_RUNS} whole processes in turn")
    for name, median_s in medians.items():
        ratio = median_s / medians["importlib.metadata"]
        print(f"{name:<20} {median_s * 1000:8.1f} ms   {ratio:5.2f} of importlib.metadata")


def _medians(commands: dict[str, list[str]]) -> dict[str, float]:
    """Run all commands in turn, so that a slow moment of the machine hits each of them."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(_RUNS):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in taken.items()}


if __name__ == "__main__":
    main()
