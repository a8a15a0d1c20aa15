"""``python -m benchmarks requiring``: what ``require()`` adds to the start of an interpreter, 415 packages.

A real agent watches the environment. *Fresh* is its file; *by the socket* has no file; *asked* is a version
in the call; *by command* has no agent, and ``envguard`` on ``PATH``; *in process* has neither, but a policy
compiled from a lock of wheels with a digest each. The guard is the installed file, but *the package's*, in
its rooms. *Eight ranks* are eight processes started at once, to the end of the last, first without a
meeting, then with ``same_on_all_ranks``. The peers do less, or another thing: they say what is installed,
or whether requirements are met.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.many import PACKAGES, make_many, write_locks
from benchmarks.timing import OLD_ENOUGH_S, median_seconds, print_ratios
from benchmarks.watched import watched

_ROOT = str(Path(__file__).resolve().parents[1])
_RUNS = 21
_RANKS = 8
_RESOURCES = "setuptools==80.9.0"
"""The last line of versions that has ``pkg_resources``."""


def main() -> None:
    """Let an agent watch the environment, measure, and print medians and ratios."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # then each start compiles the guard: 25 ms
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory(prefix="envguard-bench-") as folder:
        place = Path(folder)
        environment = make_many(place / "roots")
        python = environment / "bin" / "python"
        subprocess.run(["uv", "pip", "install", "--quiet", "--python", str(python), _RESOURCES], check=True)
        os.environ["HOME"] = folder
        os.chdir(_project(place))
        _install_guard(environment, place / "project" / "locked.yaml")
        commands = _commands(python, place)
        subprocess.run(commands["require, asked"], check=True)  # makes bytecode, and the lease
        time.sleep(OLD_ENOUGH_S)
        with watched(place / "roots", place) as runtime:
            shutil.copytree(runtime / "verdicts", place / "fresh" / "envguard" / "verdicts")
            shutil.rmtree(runtime / "verdicts")
            for command in commands.values():
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            print(f"{PACKAGES} made distributions, median of {_RUNS} whole processes in turn")
            print_ratios(median_seconds(commands, _RUNS), to="bare python")


def _project(place: Path) -> Path:
    project = place / "project"
    project.mkdir()
    (project / "policy.yaml").write_text('envguard: 1\nname: policy\npython: ">=3"\n')
    pylock, *_ = write_locks(project)
    rows = pylock.read_text().splitlines(keepends=True)
    pylock.write_text("".join(row for row in rows if not row.startswith("sdist")))
    text = "envguard: 1\nname: locked\nlock: pylock.toml\norigins: {direct-url: error}\n"
    (project / "locked.yaml").write_text(text)
    return project


def _install_guard(environment: Path, policy: Path) -> None:
    installing = ["-m", "envguard.cli.main", "guard", "install", str(environment), "--policy", str(policy)]
    environ = {**os.environ, "PYTHONPATH": _ROOT}
    subprocess.run([sys.executable, *installing], env=environ, stdout=subprocess.DEVNULL, check=True)


def _commands(python: Path, place: Path) -> dict[str, list[str]]:
    guard, package = (
        "import envguard_guard as e; ",
        f"import sys; sys.path.append({_ROOT!r}); import envguard as e; ",
    )

    def told_in(folder: str) -> str:
        return f"import os; os.environ['XDG_RUNTIME_DIR'] = {str(place / folder)!r}; "

    fresh, by_socket, untold = told_in("fresh"), told_in(""), told_in("none")
    scripts = {
        "bare python": "pass",
        "require, fresh": f"{fresh}{guard}e.require()",
        "the package's, fresh": f"{fresh}{package}e.require()",
        "require, by the socket": f"{by_socket}{guard}e.require()",
        "require, asked": f"{untold}{guard}e.require(python='>=3', pip='>=1')",
        "require, by command": f"{untold}{guard}e.require('./policy.yaml')",
        "require, in process": f"{untold}os.environ['PATH'] = ''; {guard}e.require('./locked.yaml')",
        "importlib.metadata": "import importlib.metadata as m; [each.version for each in m.distributions()]",
        "pkg_resources.require": "import pkg_resources; pkg_resources.require('pip>=1')",
    }
    called = {name: [str(python), "-c", text] for name, text in scripts.items()}
    of_a_rank = "import envguard_guard; envguard_guard.require(python='>=3'{})"
    return {
        **called,
        "eight ranks, asked": _ranks(python, of_a_rank.format("")),
        "eight ranks that meet": _ranks(python, of_a_rank.format(", same_on_all_ranks=True")),
        "pip check": [str(python), "-m", "pip", "check"],
        "uv pip check": ["uv", "pip", "check", "--python", str(python)],
    }


def _ranks(python: Path, text: str) -> list[str]:
    """Answer a command that runs as many ranks of one job at once, and fails where one of them does."""
    each = f'RANK=$rank "{python}" -c "{text}" & all="$all $!"'
    ranks = " ".join(map(str, range(_RANKS)))
    wait = "for one in $all; do wait $one || exit 1; done"
    return [
        "sh",
        "-c",
        f"export ENVGUARD_JOB=bench WORLD_SIZE={_RANKS}; for rank in {ranks}; do {each}; done; {wait}",
    ]
