"""Reads one environment in a fresh process, prints what that took: ``python -m benchmarks.inside FOLDER``."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable

from envguard.inventory.freshness import Memories
from envguard.inventory.layout import locate

RESCANS = 15
_LATER_S = 10.0
"""What was just made is not remembered: pretend that it is older."""


def main(folder: str) -> None:
    """Print milliseconds of a first reading and of a second look, and the peak of memory in MB."""
    memories = Memories({}, clock=lambda: time.time() + _LATER_S)
    cold_ms = _taken_ms(lambda: memories.read(locate(folder), named=folder))
    again = [_taken_ms(lambda: _look_again(memories, folder)) for _ in range(RESCANS)]
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"cold_ms": cold_ms, "again_ms": statistics.median(again), "peak_mb": peak_kb / 1024}))


def _look_again(memories: Memories, folder: str) -> None:
    second = Memories(memories.kept, clock=lambda: time.time() + _LATER_S)
    second.read(locate(folder), named=folder)
    if second.kept != memories.kept:
        raise SystemExit("it was read again, though nothing changed")


def _taken_ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main(sys.argv[1])
