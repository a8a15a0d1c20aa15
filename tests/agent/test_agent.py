from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from threading import Event

import msgspec
import pytest

from envguard.agent import dry_run, join, read_status, run_once
from envguard.agent.loop import _Daemon
from envguard.agent.pulse import Pulse
from envguard.agent.questions import LOOK_AGAIN_S
from envguard.agent.scanner import scan_in_child
from envguard.agent.sync import Round, Seen, speaker_of
from envguard.domain.policy import Waiver
from envguard.errors import InventoryError, RefusedError, StateError, TransportError, UsageError
from envguard.state import State, open_state
from envguard.wire import (
    Goodbye,
    JoinString,
    write_join,
)
from tests.agent.team import POLICY, joined
from tests.builders.environments import install, make_venv
from tests.client.fake_server import Told, serving

LATER = datetime(2099, 1, 1, tzinfo=timezone.utc)
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "roots" / "project"
    folder.mkdir(parents=True)
    install(make_venv(Path(sys.executable), folder / ".venv"), gym="0.26.2")
    return folder


def outcomes(state: State) -> list[str]:
    return [verdict.verdict for verdict in state.last_status().verdicts]


def test_round_judges_by_what_it_fetched_and_sends_what_the_server_lacks(
    tmp_path: Path, project: Path
) -> None:
    with joined(tmp_path) as (state, team, server):
        run_once(state)
        assert outcomes(state) == ["drifted"]
        assert [record.path for record in team.records[0].records] == [str(project / ".venv")]
        assert any(asked.path.startswith("/api/v1/snapshots/sha256:") for asked in server.asked)
        run_once(state)
    assert [checkin.seq for checkin in team.checkins] == [1, 2]
    assert {checkin.host for checkin in team.checkins} == {os.uname().nodename}
    assert {checkin.speaker for checkin in team.checkins} == {speaker_of(state.path)}
    assert team.checkins[1].policies == {"rl-team": 1}
    status = read_status(state, now=datetime(2100, 1, 1, tzinfo=timezone.utc), pulled={}, told=None)
    assert (status.machine, status.error, status.is_agent_running) == ("ws-7", None, False)
    assert [policy.revision for policy in status.policies] == [1]


def test_copy_of_a_state_folder_speaks_as_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    shutil.copytree(tmp_path / "state", tmp_path / "copy")
    one, copied = speaker_of(tmp_path / "state"), speaker_of(tmp_path / "copy")
    assert one is not None
    assert one != copied
    (tmp_path / "state").rename(tmp_path / "moved")
    assert speaker_of(tmp_path / "moved") == one


def test_machine_judges_while_the_server_is_away_and_catches_up(tmp_path: Path, project: Path) -> None:
    with joined(tmp_path) as (state, team, _server):
        run_once(state)
        team.is_away = True
        install(project / ".venv", gymnasium="1.0")
        with pytest.raises(TransportError, match="away"):
            run_once(state)
        assert outcomes(state) == ["drifted"]
        assert "away" in str(state.last_status().error)
        team.is_away = False
        run_once(state)
        assert state.last_status().error is None
    assert team.records[0].records[0].digest != team.records[-1].records[0].digest


def a_waiver(machine: str | None = "ws-7", **changes: object) -> Waiver:
    fields = {
        "package": "gym",
        "until": LATER,
        "reason": "old GPU",
        "approved_by": "admin",
        "id": 17,
        **changes,
    }
    return Waiver(machine=machine, **fields)  # type: ignore[arg-type]  # the fields are the caller's words


def test_waiver_counts_once_it_is_fetched_and_while_the_server_is_away(tmp_path: Path, project: Path) -> None:
    with joined(tmp_path) as (state, team, server):
        run_once(state)
        team.waivers = (a_waiver(),)
        run_once(state)
        assert outcomes(state) == ["compliant"]
        [finding] = state.last_status().verdicts[0].findings
        assert finding.waived is not None
        assert (finding.waived.approved_by, finding.waived.id) == ("admin", 17)
        before = len(server.asked)
        run_once(state)
        assert not any(asked.path.endswith("/policies") for asked in server.asked[before:])
        team.is_away = True
        with pytest.raises(TransportError, match="away"):
            run_once(state)
        assert outcomes(state) == ["compliant"]


def test_waiver_that_is_taken_back_or_another_s_acquits_nothing(tmp_path: Path, project: Path) -> None:
    with joined(tmp_path) as (state, team, _server):
        team.waivers = (a_waiver(),)
        run_once(state)
        assert outcomes(state) == ["compliant"]
        for waivers in ((), (a_waiver("ws-9"),), (a_waiver(environment="/srv/**"),)):
            team.waivers = waivers
            run_once(state)
            assert outcomes(state) == ["drifted"]
            assert [each.moved for each in state.last_status().verdicts[0].findings] == ["waiver"]


def test_waiver_s_end_bites_without_the_server(tmp_path: Path, project: Path) -> None:
    with joined(tmp_path) as (state, team, _server):
        team.waivers = (a_waiver(),)
        run_once(state)
        team.is_away = True
        for now, outcome in ((LATER - timedelta(seconds=1), "compliant"), (LATER, "drifted")):
            Round(state, now=partial(lambda moment: moment, now)).look_and_judge()
            assert outcomes(state) == [outcome]
        assert [each.moved for each in state.last_status().verdicts[0].findings] == ["waiver"]


def test_use_goes_to_the_record_and_an_unknown_policy_is_unknown(tmp_path: Path, project: Path) -> None:
    with joined(tmp_path) as (state, team, _server):
        state.use(str(project / ".venv"), "other")
        run_once(state)
        assert team.records[0].records[0].use == "other"
        assert outcomes(state) == ["unknown"]


def test_broken_uses_are_unknown_and_not_judged_by_another_policy(tmp_path: Path, project: Path) -> None:
    with joined(tmp_path) as (state, _team, _server):
        (state.path / "uses.json").write_text("{")
        run_once(state)
        assert outcomes(state) == ["unknown"]


def test_marker_that_is_a_file_becomes_the_policys_name(tmp_path: Path, project: Path) -> None:
    (project / "own.yaml").write_text(POLICY.replace("rl-team", "own").replace("0.25.2", "0.26.2"))
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "own.yaml"\n')
    with joined(tmp_path) as (state, team, _server):
        run_once(state)
        marked = team.records[0].records[0].project
        assert marked is not None
        assert marked.policy == "own"
        assert outcomes(state) == ["compliant"]
        (project / "own.yaml").write_text("name: [")
        run_once(state)
        assert outcomes(state) == ["unknown"]


def test_dry_run_is_what_is_sent(tmp_path: Path, project: Path) -> None:
    with joined(tmp_path) as (state, team, _server):
        would = dry_run(state)
        run_once(state)
    assert msgspec.structs.replace(team.records[0], facts=would.facts) == would


def test_broken_caches_heal(tmp_path: Path, project: Path) -> None:
    with joined(tmp_path) as (state, _team, _server):
        run_once(state)
        for name in ("status.json", "scan.json", "policies/rl-team.json", "sequence.json"):
            (state.path / name).write_bytes(b"\0")
        run_once(state)
        assert outcomes(state) == ["drifted"]


def test_refused_join_leaves_nothing_behind(tmp_path: Path) -> None:
    state = open_state(tmp_path)
    refusal = Told(status=403, body=b'{"error": "token expired"}')
    with serving(lambda _: refusal) as server, pytest.raises(RefusedError, match="expired"):
        join(write_join(JoinString(server.url, "t")), state=state, name="ws")
    assert [path.name for path in tmp_path.iterdir()] == ["policies"]
    with pytest.raises(UsageError, match="has not joined"):
        run_once(state)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        pytest.param("import time; time.sleep(60)", "hung", id="hangs"),
        pytest.param("import sys; sys.exit(4)", "exit code: 4", id="fails"),
        pytest.param("print('<html>')", "broken", id="nonsense"),
    ],
)
def test_scan_that_goes_wrong_is_said(code: str, words: str) -> None:
    started = time.monotonic()
    with pytest.raises(InventoryError, match=words):
        scan_in_child(Path(), command=[sys.executable, "-c", code], limit_s=1.0)
    assert time.monotonic() - started < 10


def test_long_retry_after_holds_back_the_contact_and_not_the_scan(tmp_path: Path, project: Path) -> None:
    with joined(tmp_path) as (state, team, server):
        run_once(state)
        now = [0.0]
        daemon = _Daemon(Round(state), lambda: 0.5, lambda: 0.0, lambda: now[0], Event())
        team.is_away = True
        before = len(server.asked)
        assert daemon.turn() <= 1.0
        now[0] += 100
        daemon.turn()
        assert len(server.asked) == before + 2


def test_the_server_is_told_what_was_seen_last_also_where_that_was_between_two_tries(
    tmp_path: Path, project: Path
) -> None:
    with joined(tmp_path, interval_s=3600.0) as (state, team, _server):
        run_once(state)
        now, wanted = [0.0], Event()
        told: list[Seen] = []
        rounds = Round(state, publish=lambda seen, _ruled, _team, _interval_s: told.append(seen))
        daemon = _Daemon(rounds, lambda: 0.5, lambda: 0.0, lambda: now[0], wanted)
        team.is_away = True
        daemon.turn()
        install(project / ".venv", numpy="1.26.4")
        now[0] += LOOK_AGAIN_S
        wanted.set()
        daemon.rest(0.1, Pulse(clock=lambda: now[0], pause=partial(pass_time, now)))
        between = told[-1]
        assert [each.name for each in between.scan.environments[0].snapshot.packages][-1] == "numpy"
        team.is_away = False
        daemon.turn()
        assert team.records[-1] == between.records
        assert told[-1].scan == between.scan


def pass_time(now: list[float], seconds: float) -> None:
    now[0] += seconds


@contextmanager
def agent_process(state: State, manager: str) -> Iterator[subprocess.Popen[bytes]]:
    code = (
        "import sys; from pathlib import Path; from envguard.agent import run_forever\n"
        "from envguard.state import open_state; run_forever(open_state(Path(sys.argv[1])))"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": manager, "WATCHDOG_USEC": "200000"}
    process = subprocess.Popen([sys.executable, "-c", code, str(state.path)], env=environ)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_agent_says_ready_alive_and_stopping_and_is_the_only_one(tmp_path: Path, project: Path) -> None:
    with (
        joined(tmp_path) as (state, team, _server),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        manager.bind(str(tmp_path / "n"))
        manager.settimeout(30)
        with agent_process(state, str(tmp_path / "n")) as process:
            said = [manager.recv(100)]
            while b"READY=1" not in said or len(team.checkins) < 1:
                said.append(manager.recv(100))
            with pytest.raises(StateError, match="another agent"):
                run_once(state)
            while said.count(b"WATCHDOG=1") < 5:
                said.append(manager.recv(100))
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
        last = team.checkins[-1]
        assert team.goodbyes == [Goodbye(last.epoch, last.seq + 1)]
        while said[-1] != b"STOPPING=1":
            said.append(manager.recv(100))
    assert outcomes(state) == ["drifted"]
    assert json.loads((state.path / "sequence.json").read_bytes())["seq"] >= 1


def test_server_that_is_away_does_not_hinder_the_goodbye(tmp_path: Path) -> None:
    with joined(tmp_path) as (state, team, server):
        rounds = Round(state)
        team.is_away = True
        rounds.say_goodbye()
        assert server.asked[-1].path == "/api/v1/goodbye"
    rounds.say_goodbye()
