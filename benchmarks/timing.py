"""Whole processes, timed in turn, so that a slow moment of the machine hits each of them."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

RUNS = 11

Commands = Mapping[str, Sequence[str]]


class Taken(NamedTuple):
    """What one process took."""

    wall_s: float
    processor_s: float
    """Its own and the system's for it: other processes of the machine make this longer by less."""


def taken_by(command: Sequence[str], environ: Mapping[str, str]) -> Taken:
    """Answer what a command takes, its output thrown away."""
    began = time.perf_counter()
    child = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall_s = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    return Taken(wall_s, usage.ru_utime + usage.ru_stime)


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
