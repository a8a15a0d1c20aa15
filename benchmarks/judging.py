"""``python -m benchmarks judging``: one environment held to a lock of 415 pins, against pip and uv.

*First* is a check that knows nothing; *cold* knows the lock and judges anew; *warm* is asked once more while
nothing has changed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.installed import installed_envguard
from benchmarks.many import PACKAGES, make_many, write_locks
from benchmarks.timing import OLD_ENOUGH_S, RUNS, Call, Taken, environ_of_its_own, median_taken, nothing


def main() -> None:
    """Make the environment and its locks, measure, and print medians and ratios."""
    envguard = installed_envguard()
    with tempfile.TemporaryDirectory(prefix="envguard-bench-") as folder:
        environment, locks = make_many(Path(folder)), write_locks(Path(folder))
        cache = Path(folder) / "cache"
        environ = environ_of_its_own(Path(folder), cache)
        time.sleep(OLD_ENOUGH_S)
        print(f"{PACKAGES} made distributions and their lock, median of {RUNS} whole processes in turn")
        for lock in locks:
            _print_table(lock, median_taken(_calls(environment, lock, envguard, cache), environ))
        _print_inside(environment, locks)


def _calls(environment: Path, lock: Path, envguard: list[str], cache: Path) -> dict[str, Call]:
    python = str(environment / "bin" / "python")
    uv = str(Path(sys.executable).with_name("uv"))
    check = [*envguard, "check", str(environment), "--policy", str(lock)]
    calls: dict[str, Call] = {
        "bare python": (nothing, [python, "-c", "pass"]),
        "pip check": (nothing, [python, "-m", "pip", "--disable-pip-version-check", "check"]),
        "check, first": (lambda: shutil.rmtree(cache, ignore_errors=True), check),
        "check, cold": (lambda: shutil.rmtree(cache / "verdicts", ignore_errors=True), check),
        "check, warm": (nothing, check),
    }
    if lock.name != "uv.lock":  # `uv sync` judges that one by the project around it
        sync = ["pip", "sync", "--check", "--offline", "--no-config", "--python", python, str(lock)]
        calls["uv pip sync --check"] = (nothing, [uv, *sync])
    return calls


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
