"""Nothing of a scanned environment is ever executed, least of all by the superuser."""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path

import pytest

from tests.builders.environments import make_old_virtualenv, site_packages, write_dist_info, write_tree
from tests.inventory.asking import python_or_skip
from tests.inventory.oracle.children import own_tool, system_tool

COMMANDS = [
    pytest.param(["scan", "ENV", "--json"], id="scan ENV"),
    pytest.param(["scan", "--roots", "ROOT", "--json"], id="scan --roots"),
    pytest.param(["check", "ENV", "--policy", "LOCK"], id="check ENV"),
    pytest.param(["check", "--policy", "LOCK"], id="check the project's"),
]


def plant(root: Path, env: Path) -> Path:
    """Put what would leave a trace when run at every place where something might be run; answer the trace."""
    trace = root / "TRACE"
    shell, code = f"#!/bin/sh\necho $0 >> '{trace}'\n", f"open({str(trace)!r}, 'a').write('run')\n"
    for name in ["python", "python3", "python3.11", "pip", "conda", "activate"]:
        path = env / "bin" / name
        path.unlink(missing_ok=True)
        path.write_text(shell)
        path.chmod(0o755)
    site = site_packages(env)
    modules = ["sitecustomize.py", "usercustomize.py", "gym/__init__.py", "packaging/__init__.py", "os.py"]
    for place in modules:
        write_tree(site, {place: code})
        write_tree(env.parent, {place: code})
    (site / "x.pth").write_text(f"import sys; {code}")
    (env.parent / "setup.py").write_text(code)
    (env.parent / "conftest.py").write_text(code)
    write_tree(env.parent, {"pyproject.toml": '[project]\nname = "rl"\n', "requirements.txt": "gym==1\n"})
    write_dist_info(site, "gym", "1", entry_points__txt="[console_scripts]\nx = gym:x\n")
    for path in env.parent.rglob("*.py"):
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return trace


def words(arguments: list[str], env: Path) -> list[str]:
    """The command with the paths of this test."""
    lock = str(env.parent / "requirements.txt")
    known = {"ENV": str(env), "ROOT": str(env.parent), "LOCK": lock}
    return [known.get(word, word) for word in arguments]


@pytest.fixture
def venv(env: Path) -> Path:
    """Give an environment as a project's ``.venv``."""
    (env.parent / "rl").mkdir()
    return env.rename(env.parent / "rl" / ".venv")


def run(arguments: list[str], env: Path, home: Path, *before: str) -> subprocess.CompletedProcess[bytes]:
    """Run the installed command, which unlike ``python -m`` imports nothing from where it is called."""
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(home), "ENVGUARD_STATE": str(home / "state")}
    command = [*before, str(own_tool("envguard")), *words(arguments, env)]
    return subprocess.run(command, cwd=env.parent, env=environ, capture_output=True, timeout=120, check=False)


@pytest.mark.parametrize("arguments", COMMANDS)
def test_nothing_leaves_a_trace(arguments: list[str], venv: Path, tmp_path: Path) -> None:
    trace = plant(tmp_path, venv)
    done = run(arguments, venv, tmp_path)
    assert done.returncode in (0, 3), done.stderr
    assert b"Traceback" not in done.stderr
    assert not trace.exists(), trace.read_text()


def test_the_trap_works(venv: Path, tmp_path: Path) -> None:
    trace = plant(tmp_path, venv)
    subprocess.run([venv / "bin" / "python"], check=True)
    assert trace.read_text() == f"{venv}/bin/python\n"


def test_an_environment_whose_interpreter_no_file_tells_is_not_asked(tmp_path: Path) -> None:
    env = make_old_virtualenv(python_or_skip("2.7"), tmp_path / "rl" / ".venv")
    trace = plant(tmp_path, env)
    (env / "lib" / "python2.7" / "orig-prefix.txt").write_text("/gone")
    for arguments in (["scan", "--roots", "ROOT", "--json"], ["scan", "ENV", "--json"]):
        assert b"Traceback" not in run(arguments, env, tmp_path).stderr
    assert not trace.exists()


@pytest.mark.parametrize("arguments", COMMANDS)
def test_the_kernel_was_asked_to_run_nothing(arguments: list[str], venv: Path, tmp_path: Path) -> None:
    log = tmp_path / "calls"
    plant(tmp_path, venv)
    tracing = ["-f", "-qq", "-e", "trace=execve,execveat", "-o", str(log)]
    done = run(arguments, venv, tmp_path, str(system_tool("strace")), *tracing)
    if b"ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    called = re.findall(r'execve(?:at)?\([^"]*"([^"]*)"', log.read_text())
    assert called[0] == str(own_tool("envguard"))
    assert [path for path in called if path.startswith(str(tmp_path))] == []
