"""What the agent tells this machine in files: read as strictly as the guard reads them."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NoReturn

import pytest

from envguard.agent import run_once
from envguard.agent.loop import _publishing_by
from envguard.agent.publishing import Publisher
from envguard.agent.sync import Round, Scanner, Seen
from envguard.domain.policy import Waiver
from envguard.errors import InventoryError, TransportError
from envguard.runs.judging import Ruled
from envguard.state import State
from envguard.state.runtime import verdict_file_name
from envguard.state.told import ToldTeam
from tests.agent.team import Team
from tests.agent.verdicts import file_about, settle
from tests.builders.environments import install, site_packages
from tests.builders.verdict_reader import read_file, read_verdict


def files(runtime: Path) -> set[str]:
    return {path.name for path in (runtime / "verdicts").iterdir()}


def look(state: State, runtime: Path, scan: Scanner, clock: Callable[[], float] = time.time) -> Publisher:
    """One look by an agent whose scan and clock may be others."""
    publisher = Publisher(state, runtime, clock=clock)
    Round(state, publish=_publishing_by(publisher), scan=scan).look_and_judge()
    publisher.close()
    return publisher


def test_once_writes_a_file_about_the_environment_and_opens_no_socket(
    machine: tuple[State, Team], runtime: Path, env: Path
) -> None:
    before_s = time.time()
    run_once(machine[0])
    read = read_file(file_about(runtime, env))
    assert read.head["environment"] == (str(env),)
    assert read.head["boot"] == (Path("/proc/sys/kernel/random/boot_id").read_text().strip(),)
    judged_at, until = read.times
    assert int(before_s) <= judged_at <= time.time()
    assert int(before_s) + 900 <= until <= time.time() + 900
    assert read.head["policy"][:2] == ("rl-team", "1")
    assert read.head["policy"][3:] == ("applies-to", "refuse")
    assert read.head["source"] == ("policy applies to it",)
    assert read.outcome == "drifted"
    (finding,) = read.findings
    assert finding[:5] == ("version-mismatch", "error", "gym", "==0.25.2", "0.26.2")
    assert finding[6] == "rl-team.yaml:4"
    assert len(read.notes) > 10
    assert read.holds()
    assert {path.name for path in runtime.iterdir()} == {"verdicts", "agent.lock", "team.json"}


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


CHANGES: dict[str, Callable[[Path], object]] = {
    "METADATA edited": lambda env: append(site_packages(env) / "gym-0.26.2.dist-info" / "METADATA", "\n"),
    "a .pth appeared": lambda env: (site_packages(env) / "x.pth").write_text("x\n"),
    "a package came": lambda env: install(env, numpy="1.0"),
    "pyvenv.cfg edited": lambda env: append(env / "pyvenv.cfg", "\n"),
    "a marker appeared": lambda env: (env.parent / ".envguard.yaml").write_text("policy: other\n"),
    "the marker changed": lambda env: append(env.parent / "pyproject.toml", "\n"),
    "the policy changed": lambda env: append(env.parent / "own.yaml", "\n"),
    "its lock changed": lambda env: append(env.parent / "requirements.txt", "\n"),
    "the repository is gone": lambda env: shutil.rmtree(env.parent / ".git"),
    "it is gone": shutil.rmtree,
}


@pytest.fixture
def own_policy(env: Path) -> None:
    """Its project brings a policy with a lock, in a git repository."""
    project = env.parent
    (project / "requirements.txt").write_text("gym==0.26.2\n")
    (project / "own.yaml").write_text("envguard: 1\nname: own\nlock: requirements.txt\nbefore-run: warn\n")
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "own.yaml"\n')
    (project / ".git").mkdir()
    (project / ".git" / "config").write_text("[core]\n")


@pytest.mark.usefixtures("own_policy")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_whatever_decides_is_noted(
    change: Callable[[Path], object], machine: tuple[State, Team], runtime: Path, env: Path
) -> None:
    run_once(machine[0])
    read = read_file(file_about(runtime, env))
    assert read.head["policy"][:2] == ("own", "-")
    assert read.head["policy"][3:] == ("marker", "warn")
    assert read.outcome == "compliant"
    (env.parent / ".git" / "HEAD").write_text("what git does in its folder decides nothing")
    (env.parent / "notes.txt").write_text("nor does what lies beside it")
    assert read.holds()
    change(env)
    assert not read.holds()


def test_what_the_owner_binds_is_noted(machine: tuple[State, Team], runtime: Path, env: Path) -> None:
    state, _ = machine
    run_once(state)
    read = read_file(file_about(runtime, env))
    state.use(str(env), "rl-team")
    assert not read.holds()
    settle()
    run_once(state)
    read = read_file(file_about(runtime, env))
    assert read.head["policy"][3] == "use"
    assert read.holds()


def test_what_just_changed_has_no_file_until_it_settled(
    machine: tuple[State, Team], runtime: Path, env: Path
) -> None:
    state, _ = machine
    run_once(state)
    changed_at = time.time() + 3600  # as if just now, however long the look takes
    os.utime(env / "pyvenv.cfg", (changed_at, changed_at))
    run_once(state)
    assert files(runtime) == set()
    os.utime(env / "pyvenv.cfg", (0, 0))
    settle()
    run_once(state)
    assert files(runtime) == {verdict_file_name(str(env))}


def test_files_of_what_is_gone_or_no_longer_judged_are_removed(
    machine: tuple[State, Team], runtime: Path, env: Path
) -> None:
    state, _ = machine
    run_once(state)
    for name in ("older-00000000", ".half-written.17"):
        (runtime / "verdicts" / name).write_text("")
    run_once(state)
    assert files(runtime) == {verdict_file_name(str(env))}
    (env.parent / ".envguard.yaml").write_text("policy: nobody-has-it\n")
    settle()
    run_once(state)
    assert files(runtime) == set()
    (env.parent / ".envguard.yaml").unlink()
    settle()
    run_once(state)
    assert files(runtime) == {verdict_file_name(str(env))}
    shutil.rmtree(env)
    run_once(state)
    assert files(runtime) == set()


def test_a_round_in_which_nothing_changed_only_moves_the_end(
    machine: tuple[State, Team], runtime: Path, env: Path
) -> None:
    run_once(machine[0])
    first = file_about(runtime, env).read_bytes()
    settle()
    run_once(machine[0])
    second = file_about(runtime, env).read_bytes()
    old, new = first.split(b"\n"), second.split(b"\n")
    assert [line for line in old if not line.startswith(b"times")] == [
        line for line in new if not line.startswith(b"times")
    ]
    assert read_verdict(second).times[1] > read_verdict(first).times[1]


@pytest.mark.parametrize(
    ("interval_s", "lasts_s"), [(60, 900), (600, 1800), (86400, 3600)], ids=["short", "middle", "long"]
)
def test_a_verdict_lasts_three_intervals_within_bounds(
    interval_s: float, lasts_s: int, machine: tuple[State, Team], runtime: Path, env: Path
) -> None:
    state, _ = machine
    run_once(state)
    publisher = Publisher(state, runtime)
    bound = state.last_scan()
    assert bound is not None
    assert bound.evidence is not None

    def publish(_seen: Seen, ruled: tuple[Ruled, ...], team: ToldTeam, _interval_s: float) -> None:
        publisher.publish(bound, ruled, team, interval_s=interval_s, is_of_now=True)

    Round(state, publish=publish, scan=lambda _state, _roots, _beat: bound).look_and_judge()
    publisher.close()
    assert read_file(file_about(runtime, env)).times[1] == int(bound.evidence.began_at_s + lasts_s)


def test_a_verdict_ends_with_a_waiver_that_acquitted(
    machine: tuple[State, Team], runtime: Path, env: Path
) -> None:
    state, team = machine
    until = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(minutes=5)
    team.waivers = (Waiver(package="gym", until=until, reason="a trial", approved_by="ann"),)
    run_once(state)
    read = read_file(file_about(runtime, env))
    assert read.outcome == "compliant"
    assert read.findings[0][8] == until.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert read.times[1] == until.timestamp()


def test_a_look_that_failed_leaves_the_end_of_the_one_before(
    machine: tuple[State, Team], runtime: Path, env: Path
) -> None:
    state, _ = machine
    run_once(state)
    (runtime / "verdicts" / "unseen-00000000").write_text("")
    first = read_file(file_about(runtime, env))

    def fail(_state: Path, _roots: tuple[str, ...], _beat: object) -> NoReturn:
        raise InventoryError("the scan failed", where="scan")

    settle()
    look(state, runtime, scan=fail)
    assert read_file(file_about(runtime, env)).times[1] == first.times[1]
    assert (runtime / "verdicts" / "unseen-00000000").exists()
    look(state, runtime, scan=fail, clock=lambda: time.time() + 1000)
    assert not file_about(runtime, env).exists()


def test_while_the_server_is_away_verdicts_go_on(
    machine: tuple[State, Team], runtime: Path, env: Path
) -> None:
    state, team = machine
    run_once(state)
    first = read_file(file_about(runtime, env))
    team.is_away = True
    settle()
    with pytest.raises(TransportError):
        run_once(state)
    read = read_file(file_about(runtime, env))
    assert read.outcome == "drifted"
    assert read.times[1] > first.times[1]


def test_notes_of_another_look_are_not_taken(machine: tuple[State, Team], runtime: Path, env: Path) -> None:
    """A scan that was killed after it kept its notes said nothing about them."""
    state, _ = machine
    run_once(state)
    bound = state.last_scan()
    assert bound is not None
    append(env / "pyvenv.cfg", "\n")
    settle()
    run_once(state)
    look(state, runtime, scan=lambda _state, _roots, _beat: bound)
    assert files(runtime) == set()


def test_the_state_has_notes_of_what_is_there_only(
    machine: tuple[State, Team], runtime: Path, env: Path
) -> None:
    state, _ = machine
    run_once(state)
    assert [path.name for path in (state.path / "notes").iterdir()] == [verdict_file_name(str(env))]
    assert runtime.exists()
    shutil.rmtree(env)
    run_once(state)
    assert [path.name for path in (state.path / "notes").iterdir()] == []


def test_a_file_that_a_policy_would_read_is_noted_while_it_is_absent(
    machine: tuple[State, Team], runtime: Path, env: Path
) -> None:
    """Poetry's lock is read with the choices in the ``pyproject.toml`` beside it, which may come later."""
    state, _ = machine
    (env.parent / "locks").mkdir()
    lock = env.parent / "locks" / "poetry.lock"
    lock.write_text(
        '[[package]]\nname = "gym"\nversion = "0.26.2"\noptional = false\npython-versions = "*"\nfiles = []\n'
        '[metadata]\nlock-version = "2.0"\npython-versions = "*"\ncontent-hash = "0"\n'
    )
    (env.parent / ".envguard.yaml").write_text("policy: locks/poetry.lock\n")
    settle()
    run_once(state)
    read = read_file(file_about(runtime, env))
    assert read.head["policy"][3] == "marker"
    assert read.holds()
    (lock.parent / "pyproject.toml").write_text("[tool.poetry]\n")
    assert not read.holds()
