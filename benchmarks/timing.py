"""Whole processes, timed in turn, so that a slow moment of the machine hits each of them."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

RUNS = 11

OLD_ENOUGH_S = 1.5
"""What was made just now is not kept."""

Commands = Mapping[str, Sequence[str]]

Call = tuple[Callable[[], object], Sequence[str]]
"""What is done before a call, and the call."""


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


def median_taken(calls: Mapping[str, Call], environ: Mapping[str, str], runs: int = RUNS) -> dict[str, Taken]:
    """Answer the medians of what each call takes; one of each goes before and does not count."""
    taken: dict[str, list[Taken]] = {name: [] for name in calls}
    for number in range(runs + 1):
        for name, (prepare, command) in calls.items():
            prepare()
            one = taken_by(command, environ)
            if number:
                taken[name].append(one)
    return {
        name: Taken(*(statistics.median(part) for part in zip(*times, strict=True)))
        for name, times in taken.items()
    }


def environ_of_its_own(folder: Path, cache: Path) -> dict[str, str]:
    """Answer variables by which a call finds nothing of the person who measures, and keeps nothing there."""
    return {**os.environ, "HOME": str(folder), "ENVGUARD_CACHE": str(cache), "XDG_CACHE_HOME": str(folder)}


def median_seconds(commands: Commands, runs: int = RUNS) -> dict[str, float]:
    """Answer the median wall time of each command; one run of each goes before and does not count."""
    calls: dict[str, Call] = {name: (nothing, command) for name, command in commands.items()}
    return {name: taken.wall_s for name, taken in median_taken(calls, os.environ, runs).items()}


def nothing() -> None:
    """A call that needs no preparation."""


def print_ratios(medians: Mapping[str, float], *, to: str) -> None:
    """Print a row for each, as milliseconds and as a share of one of them."""
    for name, median_s in medians.items():
        print(f"{name:<22} {median_s * 1000:8.1f} ms   {median_s / medians[to]:5.2f} of {to}")
