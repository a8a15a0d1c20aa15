"""``python -m benchmarks requiring``: what ``require()`` adds to the start of an interpreter, 415 packages.

*Fresh* is the agent's file with a note on each METADATA; *asked* is a version in the call; *by command* has
no agent, and ``envguard`` on ``PATH``; *in process* has neither, but a policy compiled from a lock of
wheels with a digest each. The guard is the installed file, but *the package's*, in its rooms.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.many import PACKAGES, make_many, write_locks
from benchmarks.timing import median_seconds, print_ratios
from envguard.domain.binding import Machine
from envguard.guard.verdict_file import FORMAT, verdict_name
from envguard.inventory import machine_facts, read_environment
from envguard.runs.compiling import Asked, compile_policy
from envguard.runs.guard_files import install_guard

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_ROOT = str(Path(__file__).resolve().parents[1])
_RUNS = 21
_SCRIPTS = {
    "bare python": "pass",
    "require, fresh": "import envguard_guard; envguard_guard.require()",
    "the package's, fresh": f"import sys; sys.path.append({_ROOT!r}); import envguard; envguard.require()",
    "require, asked": "import envguard_guard; envguard_guard.require(python='>=3', pip='>=1')",
    "require, in process": "import os; os.environ.update(PATH='', XDG_RUNTIME_DIR=''); "
    "import envguard_guard; envguard_guard.require('./locked.yaml')",
    "require, by command": "import envguard_guard; envguard_guard.require('./policy.yaml')",
    "importlib.metadata": "import importlib.metadata as m; [each.version for each in m.distributions()]",
}


def main() -> None:
    """Make the environment and the agent's file, measure, and print medians and ratios."""
    with tempfile.TemporaryDirectory(prefix="envguard-bench-") as folder:
        environment, project = make_many(Path(folder)), Path(folder) / "project"
        project.mkdir()
        (project / "policy.yaml").write_text('envguard: 1\nname: policy\npython: ">=3"\n')
        python = environment / "bin" / "python"
        (site,) = environment.glob("lib/*/site-packages")
        _install(environment, site, project)
        os.environ["XDG_RUNTIME_DIR"] = os.environ["HOME"] = folder
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # then each start compiles the guard: 25 ms
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        os.chdir(project)
        commands = {name: [str(python), "-c", text] for name, text in _SCRIPTS.items()}
        for name in ("require, by command", "require, in process"):
            subprocess.run(commands[name], check=True)  # makes bytecode, and the lease
        _write_verdict(environment, site, Path(folder) / "envguard" / "verdicts")
        for name in ("require, fresh", "the package's, fresh"):
            subprocess.run(commands[name], check=True)
        print(f"{PACKAGES} made distributions, median of {_RUNS} whole processes in turn")
        print_ratios(median_seconds(commands, _RUNS), to="bare python")


def _install(environment: Path, site: Path, project: Path) -> None:
    """Put the guard there, with a policy whose lock has only wheels."""
    pylock, *_ = write_locks(project)
    rows = pylock.read_text().splitlines(keepends=True)
    pylock.write_text("".join(row for row in rows if not row.startswith("sdist")))
    policy = project / "locked.yaml"
    policy.write_text("envguard: 1\nname: locked\nlock: pylock.toml\norigins: {direct-url: error}\n")
    asked = Asked(
        named=str(policy), environ={}, cwd=project, machine=Machine("here"), known={}, kept_in=(), uses=None
    )
    now = datetime.now(timezone.utc)
    compiled = compile_policy(read_environment(environment), machine_facts(), asked, now)
    install_guard(site, None if compiled is None else compiled.content)


def _write_verdict(environment: Path, site: Path, folder: Path) -> None:
    prefix, now = os.path.realpath(environment), time.time()
    lines = [
        FORMAT,
        f"environment\t{prefix}",
        f"boot\t{_BOOT.read_text().strip()}",
        f"times\t{now - 1}\t{now + 3600}",
        "policy\trl-team\t8\tsha256:0\tmarker\trefuse",
        "verdict\tcompliant",
        "digest\tsha256:0",
        *_notes(site),
    ]
    folder.mkdir(parents=True)
    text = "\n".join([*lines, f"end\t{len(lines)}", ""])
    (folder / verdict_name(prefix)).write_text(text)


def _notes(site: Path) -> Iterator[str]:
    yield f"in\t{site.parent}"
    for path in [site, *sorted(site.glob("*.dist-info/METADATA"))]:
        status = path.stat()
        mark = (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)
        yield "\t".join(["is", *map(str, mark), str(path.relative_to(site.parent))])
