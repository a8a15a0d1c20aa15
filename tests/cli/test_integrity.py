"""``scan --integrity`` on real environments."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.environments import install, site_packages
from tests.cli.conftest import Envguard


def test_a_changed_file_is_named(envguard: Envguard, project: Path) -> None:
    install(project / ".venv", numpy="1.26.4")
    (site_packages(project / ".venv") / "gym.py").write_text("__version__ = '0.25.3'\n")
    (environment,) = envguard("scan", project / ".venv", "--integrity", "--json").json()["environments"]
    integrity = environment["integrity"]
    assert integrity["modified"] == ["gym"]
    assert integrity["files"] == {"gym": ["gym.py"]}
    assert integrity["unchecked"] == []
    run = envguard("scan", ".venv", "--integrity", "-v", cwd=project)
    assert run.code == 0
    assert run.out.splitlines()[-2:] == [".venv: changed after installation: gym", ".venv: gym: gym.py"]


def test_without_the_option_nobody_looked(envguard: Envguard, project: Path) -> None:
    (environment,) = envguard("scan", project / ".venv", "--json").json()["environments"]
    assert environment["integrity"] is None


def test_a_terminal_is_shown_a_bar_with_bytes_and_the_output_stays_data(project: Path) -> None:
    pty = pytest.importorskip("pty", reason="no terminals of this kind here")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "envguard.cli.main", "scan", ".venv", "--integrity", "--json"]
    environ = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"}
    with subprocess.Popen(
        command, cwd=project, env=environ, stdout=subprocess.PIPE, stderr=theirs, text=True
    ) as run:
        os.close(theirs)
        assert run.stdout is not None
        assert run.stdout.read().startswith("{")
    told = os.read(ours, 65536).decode()
    os.close(ours)
    assert ".venv" in told
    assert "bytes" in told
