"""Whole processes, timed in turn, so that a slow moment of the machine hits each of them."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence

RUNS = 11

Commands = Mapping[str, Sequence[str]]


def median_seconds(commands: Commands, runs: int = RUNS) -> dict[str, float]:
    """Answer the median wall time of each command; one run of each goes before and does not count."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            if number:
                taken[name].append(time.perf_counter() - began)
    return {name: statistics.median(times) for name, times in taken.items()}


def print_ratios(medians: Mapping[str, float], *, to: str) -> None:
    """Print a row for each, as milliseconds and as a share of one of them."""
    for name, median_s in medians.items():
        print(f"{name:<22} {median_s * 1000:8.1f} ms   {median_s / medians[to]:5.2f} of {to}")
