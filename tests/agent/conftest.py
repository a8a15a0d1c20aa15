"""A machine with one environment that its team's policy judges, and a runtime folder of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from envguard.state import State
from tests.agent.team import Team, joined
from tests.agent.verdicts import settle
from tests.builders.environments import install, make_venv


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder / "envguard"


@pytest.fixture
def env(tmp_path: Path) -> Path:
    folder = tmp_path / "roots" / "project"
    folder.mkdir(parents=True)
    install(make_venv(Path(sys.executable), folder / ".venv"), gym="0.26.2")
    return folder / ".venv"


@pytest.fixture
def machine(tmp_path: Path, env: Path) -> Iterator[tuple[State, Team]]:
    with joined(tmp_path) as (state, team, _server):
        settle()
        yield state, team
