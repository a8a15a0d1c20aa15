"""What the agent tells other users' commands on its machine: who it is, and the policies that judge here."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from envguard.agent import run_once
from envguard.agent.telling import Teller
from envguard.domain.binding import Machine
from envguard.domain.environment import EnvironmentRecord
from envguard.domain.policy import PolicySource, Waiver
from envguard.inventory import read_environment
from envguard.state import KeptPolicy, State
from envguard.state.runtime import open_folder
from envguard.state.told import ToldTeam, told_team
from tests.agent.team import POLICY, Team
from tests.builders.environments import make_venv

LATER = datetime(2100, 1, 1, tzinfo=timezone.utc)
IS_ROOT = os.geteuid() == 0
ANN = 4242


def a_team(*waivers: Waiver) -> ToldTeam:
    kept = KeptPolicy(
        name="rl-team",
        revision=1,
        lock_revision=None,
        source=PolicySource(filename="rl-team.yaml", text=POLICY),
        received_at=LATER,
        waivers=waivers,
    )
    return ToldTeam(machine=Machine("ws-7"), policies={"rl-team": kept})


def a_waiver(environment: str | None) -> Waiver:
    return Waiver(package="gym", until=LATER, reason="paper", approved_by="lead", environment=environment)


def tell(teller: Teller, runtime: Path, team: ToldTeam, *records: EnvironmentRecord) -> None:
    with open_folder(runtime, mode=0o755) as folder:
        teller.tell(folder, team, records)


def waived(runtime: Path) -> list[str | None]:
    """For which environments this user is told of waivers."""
    team = told_team({"XDG_RUNTIME_DIR": str(runtime.parent)})
    assert team is not None
    return [each.environment for each in team.policies["rl-team"].waivers]


def test_what_did_not_change_is_not_written_again(tmp_path: Path) -> None:
    runtime, teller = tmp_path / "envguard", Teller()
    tell(teller, runtime, a_team())
    first = (runtime / "team.json").stat().st_ino
    tell(teller, runtime, a_team())
    assert (runtime / "team.json").stat().st_ino == first
    tell(teller, runtime, a_team(a_waiver(None)))
    assert waived(runtime) == [None]
    (runtime / "team.json").unlink()
    tell(teller, runtime, a_team(a_waiver(None)))
    assert waived(runtime) == [None]


def _link(path: Path) -> None:
    path.symlink_to(path.rename(path.with_name("elsewhere")))


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def _later_version(path: Path) -> None:
    path.write_text(path.read_text().replace("told-team/1", "told-team/2"))


FAULTS: dict[str, Callable[[Path], object]] = {
    "writable by a group": lambda path: path.chmod(0o664),
    "writable by all": lambda path: path.chmod(0o646),
    "a link": _link,
    "a FIFO": _fifo,
    "torn": _torn,
    "of a later version": _later_version,
    "deep": lambda path: path.write_text("[" * 100_000),
    "no text": lambda path: path.write_bytes(b'{"schema": "\xff"}'),
    **({"another's": lambda path: os.chown(path, ANN, ANN)} if IS_ROOT else {}),
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_what_somebody_else_may_have_written_or_nobody_understands_is_as_if_absent(
    fault: str, tmp_path: Path
) -> None:
    runtime = tmp_path / "envguard"
    tell(Teller(), runtime, a_team())
    assert waived(runtime) == []
    FAULTS[fault](runtime / "team.json")
    assert told_team({"XDG_RUNTIME_DIR": str(tmp_path)}) is None


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder that everybody may enter, unlike those of the tests."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(not IS_ROOT, reason="only root tells several users")
def test_waivers_for_a_private_environment_are_told_to_its_owner_alone(open_place: Path) -> None:
    shared = make_venv(Path(sys.executable), open_place / "shared")
    private = make_venv(Path(sys.executable), open_place / "anns" / "env")
    records = [read_environment(each).record for each in (shared, private)]
    for path in (private.parent, private, private / "bin"):
        os.chown(path, ANN, ANN)
    private.parent.chmod(0o700)
    runtime, teller = open_place / "envguard", Teller()
    team = a_team(a_waiver(None), a_waiver(str(shared)), a_waiver(str(private)), a_waiver("/nowhere"))
    tell(teller, runtime, team, *records)
    assert waived(runtime) == [None, str(shared)]
    own = runtime / f"waivers-{ANN}.json"
    assert (own.stat().st_uid, stat.S_IMODE(own.stat().st_mode)) == (ANN, 0o600)
    assert stat.S_IMODE((runtime / "team.json").stat().st_mode) == 0o644
    assert str(private) not in (runtime / "team.json").read_text()
    assert str(shared) not in own.read_text()
    child = os.fork()
    if child == 0:  # pragma: no cover
        os.setgid(ANN)
        os.setuid(ANN)
        os._exit(0 if waived(runtime) == [None, str(shared), str(private)] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    tell(teller, runtime, a_team(a_waiver(None)), *records)
    assert not own.exists()


def test_no_secret_of_the_machine_is_told(machine: tuple[State, Team], runtime: Path) -> None:
    run_once(machine[0])
    told = json.loads((runtime / "team.json").read_text())
    assert told["machine"] == {"name": "ws-7", "labels": {}}
    assert set(told) == {"schema", "machine", "policies"}
    secret = machine[0].secret()
    assert secret
    assert secret not in (runtime / "team.json").read_text()
