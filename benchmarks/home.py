"""``python -m benchmarks home``: finding and reading all environments of a large home, against ``os.walk``.

The home is made in a temporary folder: 200,000 files in 20,000 folders, and 40 environments among them.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from envguard.inventory import scan_machine

RUNS = 7
FOLDERS = 20_000
FILES = 200_000
ENVIRONMENTS = 40
PACKAGES = 20
"""In each environment: a small project's, for a home has few large ones."""

_BUDGET = 3.0
_WALK = "for _ in os.walk(sys.argv[1]): pass"
_SCAN = "scan_machine([Path(sys.argv[1])], deadline_s=600.0)"
_IMPORTS = "import os, sys; from pathlib import Path; from envguard.inventory import scan_machine"


def main() -> None:
    """Make the home, measure both in turn, print medians, their ratio, and how often each asks the system."""
    with tempfile.TemporaryDirectory(prefix="envguard-bench-") as folder:
        home = make_home(Path(folder))
        found = len(scan_machine([home], deadline_s=600.0).environments)
        if found != ENVIRONMENTS:
            sys.exit(f"{found} environments were found of {ENVIRONMENTS}")
        walk_s, scan_s = _medians([lambda: _walk(home), lambda: _scan(home)])
        print(f"{FILES} files in {FOLDERS} folders, {ENVIRONMENTS} environments of {PACKAGES} packages")
        print(f"median of {RUNS} in one process, in turn, files in the page cache")
        ratio = f"{scan_s / walk_s:5.2f} of os.walk (<= {_BUDGET:g})"
        print(f"os.walk                {walk_s * 1000:8.1f} ms")
        print(f"scan of the machine    {scan_s * 1000:8.1f} ms   {ratio}")
        for name, program in (("os.walk", _WALK), ("scan of the machine", _SCAN)):
            print(f"{name:<22} {_system_calls(program, home)} system calls")


def make_home(folder: Path) -> Path:
    """Make the home in the folder and answer its place."""
    home = folder / "home"
    template = _make_environment(folder / "template")
    files_in_env = sum(len(names) for _, _, names in os.walk(template))
    folders_in_env = sum(1 for _ in os.walk(template))
    plain_folders = FOLDERS - ENVIRONMENTS * folders_in_env
    plain_files = FILES - ENVIRONMENTS * files_in_env
    for number in range(plain_folders):
        place = home / f"area-{number % 20}" / f"project-{number % 400}" / f"part-{number}"
        place.mkdir(parents=True)
        for file in range(plain_files * number // plain_folders, plain_files * (number + 1) // plain_folders):
            (place / f"file-{file}.py").touch()
    for number in range(ENVIRONMENTS):
        shutil.copytree(template, home / f"area-{number % 20}" / f"project-{number}" / ".venv", symlinks=True)
    return home


def _make_environment(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    [site] = folder.glob("lib/python*/site-packages")
    for number in range(PACKAGES):
        info = site / f"package_{number}-1.{number}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: package-{number}\nVersion: 1.{number}\n\n"
        )
        (info / "RECORD").touch()
        (info / "INSTALLER").write_text("pip\n")
        (info / "WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        for part in range(3):
            package = site / f"package_{number}" / f"part_{part}"
            package.mkdir(parents=True)
            for module in range(8):
                (package / f"module_{module}.py").touch()
    return folder


def _walk(home: Path) -> None:
    for _ in os.walk(home):
        pass


def _scan(home: Path) -> None:
    scan_machine([home], deadline_s=600.0)


def _medians(measured: list[Callable[[], None]]) -> list[float]:
    taken: list[list[float]] = [[] for _ in measured]
    for _ in range(RUNS):
        for times, run in zip(taken, measured, strict=True):
            began = time.perf_counter()
            run()
            times.append(time.perf_counter() - began)
    return [statistics.median(times) for times in taken]


def _system_calls(program: str, home: Path) -> str:
    """How many it makes beyond what Python and its imports do; ``strace`` counts them."""
    strace = shutil.which("strace")
    if strace is None:
        return "uncounted (no strace)"
    counts = []
    for code in ("pass", program):
        command = [sys.executable, "-c", f"{_IMPORTS}\n{code}", str(home)]
        counted = subprocess.run(
            [strace, "-f", "-c", "-U", "calls,name", *command], capture_output=True, text=True, check=True
        )
        counts.append(int(counted.stderr.strip().splitlines()[-1].split()[0]))
    return str(counts[1] - counts[0])


if __name__ == "__main__":
    main()
