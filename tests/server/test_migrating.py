"""``envguard server migrate`` as an operator calls it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envguard.cli.commands import run
from envguard.server.store.schema import HEAD
from tests.server.asking import Server
from tests.server.test_migrations import make_old

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def envguard(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in this process; answer exit code, output and errors."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        code = run([str(each) for each in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state folder of a server of the first version."""
    folder = tmp_path / "s"
    folder.mkdir(mode=0o700)
    make_old(f"sqlite:///{folder / 'envguard.db'}", 1)
    return folder


def document(printed: str) -> Any:
    return json.loads(printed)


def test_dry_run_says_each_step_and_changes_nothing(envguard: Run, state: Path) -> None:
    before = (state / "envguard.db").read_bytes()
    code, out, _ = envguard("server", "migrate", "--state", state, "--dry-run")
    assert code == 0
    assert out.splitlines()[0] == "0002  what a machine told last, and whether its look was cut off"
    assert out.splitlines()[-1] == f"would lead from revision 0001 to {HEAD}; nothing was done"
    assert (state / "envguard.db").read_bytes() == before


def test_each_step_is_told_and_done_once(envguard: Run, state: Path) -> None:
    code, out, _ = envguard("server", "migrate", "--state", state)
    assert (code, out.splitlines()[-1]) == (0, f"done: revision {HEAD}")
    assert envguard("server", "migrate", "--state", state) == (0, f"nothing to do: revision {HEAD}\n", "")
    assert Server(state).team().machines[0].name == "ws-7"


def test_json_tells_from_where_to_where(envguard: Run, state: Path) -> None:
    planned = document(envguard("server", "migrate", "--state", state, "--dry-run", "--json")[1])
    done = document(envguard("server", "migrate", "--state", state, "--json")[1])
    assert done == {**planned, "is_dry_run": False}
    assert (done["revision_before"], done["revision"], done["steps"][0]["rows"]) == ("0001", HEAD, 0)


def test_database_of_postgresql_is_named_without_its_password(
    envguard: Run, cluster: Any, tmp_path: Path
) -> None:
    url = cluster.bare_database().replace("envguard@", "envguard:hunter2@")
    code, out, err = envguard("server", "migrate", "--database", url, "--json")
    assert code == 0, err
    assert document(out)["revision_before"] is None
    assert "hunter2" not in out
    assert "***" in document(out)["database"]


def test_folder_without_a_database_is_refused_and_stays_empty(envguard: Run, tmp_path: Path) -> None:
    code, _, err = envguard("server", "migrate", "--state", tmp_path)
    assert code == 3
    assert "there is no database of a server" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [["--state", "/srv/x"], ["--json"]], ids=lambda each: each[0])
def test_options_of_the_running_server_are_refused_before_the_command(
    envguard: Run, options: list[str]
) -> None:
    code, out, err = envguard("server", *options, "migrate")
    assert code == 2
    assert options[0] in out + err
    assert "stand behind it" in out + err
