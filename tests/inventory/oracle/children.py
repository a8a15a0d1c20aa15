"""Real tools as children: offline, without anybody's settings, in an environment that the test names."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

TIMEOUT_S = 120


def clean_environ(scratch: Path, **more: str) -> dict[str, str]:
    """Answer variables that hold nothing of this machine's; caches lie in ``scratch``."""
    return {
        "PATH": os.defpath,
        "HOME": pwd.getpwuid(os.geteuid()).pw_dir,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_CACHE_DIR": str(scratch / "pip-cache"),
        "PIP_ROOT_USER_ACTION": "ignore",
        "UV_OFFLINE": "1",
        "UV_NO_CONFIG": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_CACHE_DIR": str(scratch / "uv-cache"),
        "VIRTUALENV_OVERRIDE_APP_DATA": str(scratch / "virtualenv"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "LC_ALL": "C.UTF-8",
        **more,
    }


def run(command: Sequence[str | Path], environ: Mapping[str, str], cwd: Path | None = None) -> str:
    """Answer what a command printed; the test fails, with its words, where the command does."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env=dict(environ),
        cwd=cwd or "/",
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def own_tool(name: str) -> Path:
    """Answer a tool of the environment that runs the tests; skip the test where it has none."""
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.exists():
        pytest.skip(f"`{name}` is not beside {sys.executable}")
    return path


def system_tool(name: str) -> Path:
    """Answer a tool of this machine; skip the test where there is none."""
    path = shutil.which(name, path=os.defpath)
    if path is None:
        pytest.skip(f"no `{name}` on this machine")
    return Path(path)
