"""Compares one environment with a lock in a process: ``python -m benchmarks.comparing FOLDER LOCK``."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from envguard.formats import policy_for_lock, read_lock
from envguard.inventory import machine_facts, read_environment
from envguard.runs.comparing import Comparisons

TIMES = 25


def main(folder: str, lock: str) -> None:
    """Print milliseconds of a first comparison in a process, and of the same one once more."""
    environment, facts = read_environment(Path(folder)), machine_facts()
    governing = policy_for_lock(Path(lock), read_lock(Path(lock)))
    known = Comparisons()
    afresh_ms = _taken_ms(lambda: known.of(environment, facts, governing))
    again = [_taken_ms(lambda: known.of(environment, facts, governing)) for _ in range(TIMES)]
    print(json.dumps({"afresh_ms": afresh_ms, "known_ms": statistics.median(again)}))


def _taken_ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main(*sys.argv[1:])
