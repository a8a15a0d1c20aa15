"""``python -m benchmarks running``: what ``run`` adds to a command, in an environment of 415 packages.

*Cold* judges anew before the run; *warm* has judged it already, and nothing has changed since.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from benchmarks.installed import installed_envguard
from benchmarks.many import PACKAGES, make_many, write_locks
from benchmarks.timing import OLD_ENOUGH_S, RUNS, Call, Taken, environ_of_its_own, median_taken


def main() -> None:
    """Make the environment and its lock, measure, and print medians and what is added to the bare command."""
    envguard = installed_envguard()
    with tempfile.TemporaryDirectory(prefix="envguard-bench-") as folder:
        environment, lock = make_many(Path(folder)), write_locks(Path(folder))[0]
        cache = Path(folder) / "cache"
        environ = environ_of_its_own(Path(folder), cache)
        run = [*envguard, "run", "--env", str(environment), "--policy", str(lock)]
        (environment / ".envguard-lease").touch()
        time.sleep(OLD_ENOUGH_S)
        _print(median_taken(_calls(run, Path(folder) / "receipt", cache), environ))


def _calls(run: list[str], receipt: Path, cache: Path) -> dict[str, Call]:
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


def _print(medians: dict[str, Taken]) -> None:
    print(f"{PACKAGES} made distributions and their lock, median of {RUNS} whole processes in turn")
    for name, taken in medians.items():
        added_ms = (taken.wall_s - medians["true"].wall_s) * 1000
        print(
            f"{name:<22} {taken.wall_s * 1000:7.1f} ms, processor {taken.processor_s * 1000:7.1f} ms"
            f"   {added_ms:7.1f} ms more than `true`"
        )
