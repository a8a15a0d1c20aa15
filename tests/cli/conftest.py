"""Commands run as a user runs them: real processes, a state directory of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.builders.commands import can_fork, run_forked
from tests.builders.environments import install, make_venv


class Run(msgspec.Struct, frozen=True):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """Answer standard output as the one JSON document that it must be."""
        document: dict[str, Any] = json.loads(self.out)
        return document


Envguard = Callable[..., Run]


@pytest.fixture
def envguard(tmp_path: Path) -> Envguard:
    """Run ``envguard`` in a folder of its own, with nothing inherited that would change it."""
    folder = tmp_path / "cwd"
    folder.mkdir()
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ENVGUARD")}
    for key in ("VIRTUAL_ENV", "CONDA_PREFIX", "COLUMNS", "PYTHONPATH"):
        kept.pop(key, None)

    own = {"ENVGUARD_STATE": str(tmp_path / "state"), "ENVGUARD_CACHE": str(tmp_path / "cache")}

    def run(*arguments: str | Path, cwd: Path = folder, **environ: str) -> Run:
        words, own_environ = [*map(str, arguments)], {**kept, **own, **environ}
        if can_fork(own_environ):
            forked = Run(*run_forked(words, cwd, own_environ))
            assert "Traceback" not in forked.err
            return forked
        done = subprocess.run(
            [sys.executable, "-m", "envguard.cli.main", *map(str, arguments)],
            cwd=cwd,
            env={**kept, **own, **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return Run(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an environment that holds gym 0.25.2."""
    folder = tmp_path / "project"
    folder.mkdir()
    install(make_venv(Path(sys.executable), folder / ".venv"), gym="0.25.2")
    return folder


@pytest.fixture
def server(tmp_path: Path) -> Iterator[dict[str, str]]:
    """What a real server announces."""
    command = [sys.executable, "-m", "envguard.cli.main", "server", "--listen", "127.0.0.1:0", "--json"]
    with subprocess.Popen(
        [*command, "--state", str(tmp_path / "server")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture
def admin(server: dict[str, str]) -> dict[str, str]:
    """The variables of the server's admin."""
    token = Path(server["admin_token_file"]).read_text().strip()
    return {"ENVGUARD_SERVER": server["url"], "ENVGUARD_TOKEN": token}
