"""``python -m benchmarks running``: what ``run`` adds to a command, in an environment of 415 packages.

*Cold* judges anew before the run; *warm* has judged it already, and nothing has changed since.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.installed import installed_envguard
from benchmarks.many import PACKAGES, make_many, write_locks
from benchmarks.timing import RUNS, Taken, taken_by

_OLD_ENOUGH_S = 1.5
"""What was made just now is not kept."""

_Call = tuple[Callable[[], object], list[str]]
"""What is done before a call, and the call."""


def main() -> None:
    """Make the environment and its lock, measure, and print medians and what is added to the bare command."""
    envguard = installed_envguard()
    with tempfile.TemporaryDirectory(prefix="envguard-bench-") as folder:
        environment, lock = make_many(Path(folder)), write_locks(Path(folder))[0]
        cache = Path(folder) / "cache"
        environ = {**os.environ, "HOME": folder, "ENVGUARD_CACHE": str(cache), "XDG_CACHE_HOME": folder}
        run = [*envguard, "run", "--env", str(environment), "--policy", str(lock)]
        (environment / ".envguard-lease").touch()
        time.sleep(_OLD_ENOUGH_S)
        _print(_measured(_calls(run, Path(folder) / "receipt", cache), environ))


def _calls(run: list[str], receipt: Path, cache: Path) -> dict[str, _Call]:
    def forget_receipt() -> None:
        shutil.rmtree(receipt, ignore_errors=True)

    def forget_all() -> None:
        forget_receipt()
        shutil.rmtree(cache / "verdicts", ignore_errors=True)

    with_receipt = [*run, "--receipt", str(receipt), "--", "true"]
    return {
        "true": (forget_receipt, ["true"]),
        "run -- true, cold": (forget_all, with_receipt),
        "run -- true, warm": (forget_receipt, with_receipt),
        "warm, --no-receipt": (forget_receipt, [*run, "--no-receipt", "--", "true"]),
        "warm, --exec": (forget_receipt, [*run, "--receipt", str(receipt), "--exec", "--", "true"]),
    }


def _measured(calls: dict[str, _Call], environ: dict[str, str]) -> dict[str, Taken]:
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


def _print(medians: dict[str, Taken]) -> None:
    print(f"{PACKAGES} made distributions and their lock, median of {RUNS} whole processes in turn")
    for name, taken in medians.items():
        added_ms = (taken.wall_s - medians["true"].wall_s) * 1000
        print(
            f"{name:<22} {taken.wall_s * 1000:7.1f} ms, processor {taken.processor_s * 1000:7.1f} ms"
            f"   {added_ms:7.1f} ms more than `true`"
        )
