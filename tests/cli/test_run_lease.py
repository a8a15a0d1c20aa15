"""``run`` marks the environment as in use for as long as the command lives."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

WAITS = "import sys; print('up', flush=True); sys.stdin.read()"


def is_leased(lease: IO[str]) -> bool:
    try:
        fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(lease, fcntl.LOCK_UN)
    return False


def is_free_soon(lease: IO[str]) -> bool:
    for _ in range(200):
        if not is_leased(lease):
            return True
        time.sleep(0.05)
    return False


def test_the_lease_lives_with_the_command_where_run_itself_is_killed(project: Path, tmp_path: Path) -> None:
    (project / "rl.yaml").write_text("envguard: 1\nname: rl\n")
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl.yaml"\n')
    command = [sys.executable, "-m", "envguard.cli.main", "run", "--", ".venv/bin/python", "-c", WAITS]
    environ = {**os.environ, "ENVGUARD_STATE": str(tmp_path / "s"), "ENVGUARD_CACHE": str(tmp_path / "c")}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=project, env=environ, stdin=pipe, stdout=pipe) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        assert run.stdout.readline() == b"up\n"
        run.kill()
        run.wait()
        with (project / ".venv" / ".envguard-lease").open() as lease:
            time.sleep(0.2)
            assert is_leased(lease)
            run.stdin.close()
            assert run.stdout.read() == b""
            assert is_free_soon(lease)
