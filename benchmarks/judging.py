"""``python -m benchmarks judging``: one environment held to a lock of 415 pins, against pip and uv.

*First* is a check that knows nothing; *cold* knows the lock and judges anew; *warm* is asked once more while
nothing has changed.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.installed import installed_envguard
from benchmarks.many import PACKAGES, make_many, write_locks
from benchmarks.timing import RUNS, Taken, taken_by

_OLD_ENOUGH_S = 1.5
"""What was made just now is not kept."""

_Prepare = Callable[[], object]


def main() -> None:
    """Make the environment and its locks, measure, and print medians and ratios."""
    envguard = installed_envguard()
    with tempfile.TemporaryDirectory(prefix="envguard-bench-") as folder:
        environment, locks = make_many(Path(folder)), write_locks(Path(folder))
        cache = Path(folder) / "cache"
        environ = {**os.environ, "HOME": folder, "ENVGUARD_CACHE": str(cache), "XDG_CACHE_HOME": folder}
        time.sleep(_OLD_ENOUGH_S)
        print(f"{PACKAGES} made distributions and their lock, median of {RUNS} whole processes in turn")
        for lock in locks:
            _print_table(lock, _measured(_calls(environment, lock, envguard, cache), environ))
        _print_inside(environment, locks)


def _calls(
    environment: Path, lock: Path, envguard: list[str], cache: Path
) -> dict[str, tuple[_Prepare, list[str]]]:
    """What is done before a call, and the call."""
    python = str(environment / "bin" / "python")
    uv = str(Path(sys.executable).with_name("uv"))
    check = [*envguard, "check", str(environment), "--policy", str(lock)]
    calls: dict[str, tuple[_Prepare, list[str]]] = {
        "bare python": (_nothing, [python, "-c", "pass"]),
        "pip check": (_nothing, [python, "-m", "pip", "--disable-pip-version-check", "check"]),
        "check, first": (lambda: shutil.rmtree(cache, ignore_errors=True), check),
        "check, cold": (lambda: shutil.rmtree(cache / "verdicts", ignore_errors=True), check),
        "check, warm": (_nothing, check),
    }
    if lock.name != "uv.lock":  # `uv sync` judges that one by the project around it
        sync = ["pip", "sync", "--check", "--offline", "--no-config", "--python", python, str(lock)]
        calls["uv pip sync --check"] = (_nothing, [uv, *sync])
    return calls


def _nothing() -> None:
    """A call that needs no preparation."""


def _measured(
    calls: Mapping[str, tuple[_Prepare, Sequence[str]]], environ: Mapping[str, str]
) -> dict[str, Taken]:
    taken: dict[str, list[Taken]] = {name: [] for name in calls}
    for number in range(RUNS + 1):
        for name, (prepare, command) in calls.items():
            prepare()
            one = taken_by(command, environ)
            if number:
                taken[name].append(one)
    return {
        name: Taken(*(statistics.median(part) for part in zip(*times, strict=True)))
        for name, times in taken.items()
    }


def _print_table(lock: Path, medians: Mapping[str, Taken]) -> None:
    rivals = [name for name in ("uv pip sync --check", "pip check") if name in medians]
    print(f"\n{lock.name:<22} {'wall':>10} {'processor':>12}   wall, of {' and of '.join(rivals)}")
    for name, taken in medians.items():
        ratios = "   ".join(f"{taken.wall_s / medians[rival].wall_s:5.2f}" for rival in rivals)
        print(f"{name:<22} {taken.wall_s * 1000:7.1f} ms {taken.processor_s * 1000:9.1f} ms   {ratios}")


def _print_inside(environment: Path, locks: Sequence[Path]) -> None:
    print("\ninside a process, the lock already parsed")
    for lock in locks:
        command = [sys.executable, "-m", "benchmarks.comparing", str(environment), str(lock)]
        told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        print(f"{lock.name:<22} {told['afresh_ms']:7.2f} ms afresh {told['known_ms']:9.3f} ms memoised")
