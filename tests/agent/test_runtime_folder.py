"""The folder in which an agent tells its verdicts: whose it is, and who may read in it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Event

import msgspec
import pytest

from envguard.agent import run_once
from envguard.agent.loop import _publishing_by
from envguard.agent.publishing import Publisher
from envguard.agent.sync import Round
from envguard.domain.binding import BoundScan, Machine
from envguard.domain.environment import Scan
from envguard.inventory import machine_facts
from envguard.state import State
from envguard.state.told import ToldTeam
from tests.agent.team import Team, joined
from tests.agent.verdicts import file_about, settle
from tests.builders.environments import make_venv
from tests.builders.verdict_reader import read_file


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder that everybody may enter, unlike those of the tests."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


SOMEBODY = 4242 if os.geteuid() == 0 else os.geteuid()


@pytest.mark.parametrize(
    ("closed", "mode", "owner"),
    [(None, 0o644, os.geteuid()), (".", 0o600, SOMEBODY), ("env", 0o600, SOMEBODY)],
    ids=["open to all", "the way is closed", "itself is closed"],
)
def test_who_may_read_the_environment_may_read_its_file(
    closed: str | None, mode: int, owner: int, tmp_path: Path, runtime: Path, open_place: Path
) -> None:
    env = make_venv(Path(sys.executable), open_place / "env")
    os.chown(env, SOMEBODY, -1)
    if closed is not None:
        (open_place / closed).chmod(0o700)
    if closed == "." and os.geteuid() == 0:
        os.chown(open_place, SOMEBODY, -1)
    with joined(tmp_path) as (state, _team, _server):
        state.use(str(env), "rl-team")
        settle()
        run_once_below(state, open_place)
    status = file_about(runtime, env).stat()
    assert (status.st_mode & 0o777, status.st_uid) == (mode, owner)
    assert runtime.stat().st_mode & 0o777 == (0o755 if os.geteuid() == 0 else 0o700)


def run_once_below(state: State, folder: Path) -> None:
    identity = state.identity()
    secret = state.secret()
    assert identity is not None
    assert secret is not None
    state.join(msgspec.structs.replace(identity, roots=(str(folder),)), secret)
    run_once(state)


def a_link(runtime: Path) -> None:
    runtime.with_name("elsewhere").mkdir()
    runtime.symlink_to("elsewhere")


def a_file(runtime: Path) -> None:
    runtime.write_text("")


def open_to_others(runtime: Path) -> None:
    runtime.mkdir()
    runtime.chmod(0o757)


def open_below(runtime: Path) -> None:
    runtime.mkdir()
    (runtime / "verdicts").mkdir()
    (runtime / "verdicts").chmod(0o777)


def a_linked_lock(runtime: Path) -> None:
    runtime.mkdir()
    (runtime / "agent.lock").symlink_to("/etc/passwd")


@pytest.mark.parametrize("prepare", [a_link, a_file, open_to_others, open_below, a_linked_lock])
def test_a_folder_that_is_not_ours_alone_is_refused_once_and_the_agent_goes_on(
    prepare: Callable[[Path], None],
    machine: tuple[State, Team],
    runtime: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    state, _ = machine
    prepare(runtime)
    publisher = Publisher(state, runtime)
    rounds = Round(state, publish=_publishing_by(publisher))
    for _ in range(2):
        seen = rounds.look_and_judge()
        rounds.tell(seen)
    publisher.close()
    assert [each.verdict for each in state.last_status().verdicts] == ["drifted"]
    told = [each for each in caplog.messages if each.startswith("verdicts_not_told")]
    assert len(told) == 1
    assert str(runtime) in told[0]
    assert not list(runtime.parent.rglob("*-????????"))


def test_a_second_agent_in_the_folder_goes_on_without(
    machine: tuple[State, Team], runtime: Path, env: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state, _ = machine
    first = Publisher(state, runtime)
    Round(state, publish=_publishing_by(first)).look_and_judge()
    run_once(state)
    assert "verdicts_not_told" in caplog.text
    assert "another agent" in caplog.text
    first.close()
    run_once(state)
    assert read_file(file_about(runtime, env)).holds()


def test_a_folder_that_was_taken_away_is_made_anew(
    machine: tuple[State, Team], runtime: Path, env: Path
) -> None:
    """As a user's is, when the last session ends."""
    state, _ = machine
    run_once(state)
    publisher = Publisher(state, runtime)
    rounds = Round(state, publish=_publishing_by(publisher))
    for _ in range(2):
        rounds.look_and_judge()
        assert read_file(file_about(runtime, env)).holds()
        shutil.rmtree(runtime)
    publisher.close()


def test_the_socket_of_an_agent_that_took_over_is_left_to_it(
    machine: tuple[State, Team], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the folder was taken away, and another agent came first."""
    state, _ = machine
    monkeypatch.chdir(tmp_path)  # a short path
    place = Path("run")
    first, second = (Publisher(state, place, wanted=Event()) for _ in range(2))
    bound = BoundScan(Scan(machine_facts(), ()))
    team = ToldTeam(machine=Machine("ws-7"), policies={})
    tell = partial(Publisher.publish, bound=bound, ruled=(), team=team, interval_s=60.0, is_of_now=True)
    tell(first)
    shutil.rmtree(place)
    tell(second)
    inode = (place / "agent.sock").stat().st_ino
    tell(first)
    assert (place / "agent.sock").stat().st_ino == inode
    first.close()
    assert (place / "agent.sock").stat().st_ino == inode
    second.close()
    assert not (place / "agent.sock").exists()


def test_without_a_place_nothing_is_told(
    machine: tuple[State, Team], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "absent"))
    run_once(machine[0])
    assert not (tmp_path / "absent").exists()
