"""A machine with a real server and a real agent, for as long as something is measured on it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_POLICY = 'envguard: 1\nname: rl-team\npython: ">=3"\napplies-to: [{environments: ["*"]}]\n'
_COMMAND = (sys.executable, "-m", "envguard.cli.main")
_INTERVAL_S = 3600
"""The agent looks once, and then waits."""
_PATIENCE_S = 60.0


@contextmanager
def watched(roots: Path, folder: Path) -> Iterator[Path]:
    """Watch the environments below ``roots`` until the block ends; answer the agent's runtime folder.

    By then it has told its verdict on one. A policy that all environments meet applies to all. State, policy
    and runtime folder are made in ``folder``.
    """
    environ = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
        "ENVGUARD_STATE": str(folder / "state"),
        "ENVGUARD_INTERVAL_S": str(_INTERVAL_S),
        "XDG_RUNTIME_DIR": str(folder),
    }
    policy = folder / "rl-team.yaml"
    policy.write_text(_POLICY)
    serving = [*_COMMAND, "server", "--listen", "127.0.0.1:0", "--json", "--state", str(folder / "server")]
    with _running(serving, environ) as server:
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        lead = {"ENVGUARD_SERVER": told["url"], "ENVGUARD_TOKEN": _token_in(told["admin_token_file"])}
        _call(["policy", "push", str(policy)], {**environ, **lead})
        _call(["join", "-", "--roots", str(roots)], environ, told["join"])
        with _running([*_COMMAND, "agent"], environ):
            _wait_for_verdict(folder / "envguard" / "verdicts")
            yield folder / "envguard"


def _token_in(place: str) -> str:
    return Path(place).read_text(encoding="ascii").strip()


@contextmanager
def _running(command: list[str], environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def _call(arguments: list[str], environ: Mapping[str, str], given: str = "") -> None:
    command = [*_COMMAND, *arguments]
    subprocess.run(command, env=environ, input=given, text=True, stdout=subprocess.DEVNULL, check=True)


def _wait_for_verdict(folder: Path) -> None:
    ends_at = time.monotonic() + _PATIENCE_S
    while time.monotonic() < ends_at:
        with contextlib.suppress(FileNotFoundError):
            if any(not path.name.startswith(".") for path in folder.iterdir()):
                return
        time.sleep(0.1)
    raise TimeoutError(f"the agent told nothing in {_PATIENCE_S} s: {folder}")
