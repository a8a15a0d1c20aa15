"""Who ran what: real runs, told to a real server by their people or by an agent, and read by the team."""

from __future__ import annotations

import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from envguard.cli.sending import NETWORK_S
from envguard.state.outbox import COUNT, outbox_of
from tests.agent.test_socket import place
from tests.builders.environments import install, make_venv
from tests.builders.runs import a_key
from tests.cli.conftest import Envguard, Run, envguard
from tests.cli.test_schemas import hold
from tests.e2e.test_team import Server, a_server, an_agent, call, within

__all__ = ["envguard", "place"]

POLICY = "envguard: 1\nname: rl-team\npackages:\n  gym: ==0.26.2\n"
MACHINES_FOLDER = Path("/run/envguard")
PYTHON = ("--", ".venv/bin/python", "-c")


class Person(msgspec.Struct, frozen=True):
    """Somebody in a project whose environment drifts from its policy."""

    envguard: Envguard
    project: Path
    outbox: Path
    environ: Mapping[str, str]

    def __call__(self, *arguments: str, **environ: str) -> Run:
        return self.envguard(*arguments, cwd=self.project, **{**self.environ, **environ})

    def waiting(self) -> int:
        return len(list(self.outbox.glob("*-*")))

    def is_all_sent(self) -> bool:
        return self.waiting() == 0


@pytest.fixture
def person(envguard: Envguard, tmp_path: Path) -> Person:
    """Without any server."""
    project = tmp_path / "project"
    project.mkdir()
    install(make_venv(Path(sys.executable), project / ".venv"), gym="0.25.2", numpy="2.1.0")
    (project / "rl-team.yaml").write_text(POLICY)
    (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team.yaml"\n')
    environ = {"COLUMNS": "160", "XDG_RUNTIME_DIR": str(tmp_path / "none"), "TZ": "UTC"}
    return Person(envguard, project, tmp_path / "state" / "outbox" / str(os.geteuid()), environ)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with a_server(tmp_path / "server", interval_s=1) as started:
        yield started


@pytest.fixture
def ann(person: Person, server: Server) -> Person:
    """With a token for the server."""
    return msgspec.structs.replace(person, environ={**person.environ, **server.admin})


def documents(server: Server) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(call("runs", "--json", environ=server.admin))["runs"]
    return found


def own_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def test_the_team_sees_who_ran_what_and_what_was_refused(ann: Person, server: Server) -> None:
    assert ann("run", *PYTHON, "pass").code == 1
    assert ann("run", "--allow-drift", "paper rerun", *PYTHON, "import sys; sys.exit(3)").code == 3
    install(ann.project / ".venv", torch="2.4.0")
    anyway = ann("run", "--no-receipt", "--allow-drift", "paper rerun", *PYTHON, "print('\\x1b[31m')")
    assert anyway.code == 0
    assert ann("run", "--policy", "nowhere", *PYTHON, "pass").code == 3
    assert within(ann.is_all_sent)

    run = ann("runs")
    assert (run.code, run.err) == (0, "")
    assert "\x1b" not in run.out
    header, *rows = run.out.splitlines()
    assert header.split() == ["WHO", "MACHINE", "BEGAN", "ENDED", "VERDICT", "COMMAND"]
    assert [row.split()[0] for row in rows] == [own_name()] * 4
    for row, words in zip(
        rows,
        (
            ("refused", "not judged"),
            (" 0 ", "drifted, anyway"),
            (" 3 ", "drifted, anyway"),
            ("refused", "drifted"),
        ),
        strict=True,
    ):
        assert all(word in row for word in words), row

    document = ann("runs", "--json").json()
    hold(document, "runs-1")
    assert document["source"] == "server"
    assert [each["kind"] for each in document["runs"]] == ["refused", "run", "run", "refused"]
    assert [each["told_by"] for each in document["runs"]] == ["person"] * 4
    assert document["runs"][3]["findings"][0]["package"] == "gym"
    counts = {"numpy>=2": 2, "numpy<2": 0, "torch": 1, "gym==0.25.2": 2}
    assert {spec: len(ann("runs", "--with", spec, "--json").json()["runs"]) for spec in counts} == counts
    assert len(ann("runs", "--mine", "--count", "1", "--json").json()["runs"]) == 1
    assert ann("runs", "--with", "numpy >").code == 2

    report = call("team", environ={**server.admin, "TZ": "UTC"})
    name = own_name()
    assert f'today: 2 runs refused ({name} 2); 2 started anyway ({name}: "paper rerun" 2 times)' in report


def test_here_are_those_of_the_project_as_without_a_server(ann: Person) -> None:
    ann("run", *PYTHON, "pass")
    ann("run", "--allow-drift", "x", *PYTHON, "pass")
    [only] = ann("runs", "--here", "--json").json()["runs"]
    assert (only["kind"], only["person"], Path(only["receipt"]).parent.name) == ("run", None, "runs")


def test_a_run_that_nobody_saw_end_stays_open(ann: Person, server: Server) -> None:
    command = [sys.executable, "-m", "envguard.cli.main", "run", "--allow-drift", "x", *PYTHON]
    kept = {**os.environ, "ENVGUARD_STATE": str(ann.outbox.parents[1]), **ann.environ}
    running = subprocess.Popen(
        [*command, "import time; time.sleep(60)"], cwd=ann.project, env=kept, start_new_session=True
    )
    try:
        assert within(lambda: len(documents(server)) == 1)
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    [found] = documents(server)
    assert (found["end"], found["exit_code"]) == (None, None)
    assert "no end known" in ann("runs").out


def test_what_ran_while_the_server_was_away_arrives_later_and_once(person: Person, tmp_path: Path) -> None:
    with a_server(tmp_path / "server") as first:
        address = first.url.removeprefix("http://")
    environ = {**person.environ, **first.admin}
    ann = msgspec.structs.replace(person, environ=environ)
    for reason in ("one", "two"):
        run = ann("run", "--allow-drift", reason, *PYTHON, "pass")
        assert (run.code, "server" in run.err) == (0, False)
    assert ann.waiting() == 2
    away = ann("runs")
    assert away.code == 0
    assert "warning: these are the runs of this project only: " in away.err
    assert away.err.rstrip().endswith("2 of yours wait to be sent")
    assert away.out.splitlines()[0].split()[0] == "RUN"
    with a_server(tmp_path / "server", address) as again:
        assert len(ann("runs", "--json").json()["runs"]) == 2, "the listing sends what waits"
        assert ann("run", "--allow-drift", "three", *PYTHON, "pass").code == 0
        assert within(ann.is_all_sent)
        found = [(each["allow_drift"], each["exit_code"]) for each in documents(again)]
    assert found == [("three", 0), ("two", 0), ("one", 0)]


def test_a_stamp_is_told_and_what_is_added_to_it_too(ann: Person, server: Server) -> None:
    assert ann("stamp", "runs/42", "--param", "lr=0.1").code == 0
    assert ann("stamp", "runs/42", "--param", "seed=7").code == 0
    assert within(ann.is_all_sent)
    [found] = documents(server)
    assert (found["kind"], found["id"], found["command"]) == ("stamp", "42", [])
    assert "stamped" in ann("runs").out


def test_without_a_server_nothing_is_kept_started_or_said(person: Person) -> None:
    run = person("run", "--allow-drift", "x", *PYTHON, "pass")
    assert run.code == 0
    assert run.err == "warning: drifted from `rl-team`: 1 error; started all the same: x\n"
    assert person("run", *PYTHON, "pass").code == 1
    has_agent = MACHINES_FOLDER.exists()  # whoever runs the tests on a machine with an agent has a server
    assert has_agent or not person.outbox.parent.exists()
    listed = person("runs")
    assert (listed.err, len(listed.out.splitlines())) == ("", 2)


def test_a_server_without_a_token_is_said(person: Person) -> None:
    listed = person("runs", ENVGUARD_SERVER="http://127.0.0.1:9")
    assert listed.code == 0
    assert "warning: these are the runs of this project only: " in listed.err
    assert "ENVGUARD_TOKEN is not" in listed.err


def test_too_many_that_wait_are_said(person: Person) -> None:
    outbox = outbox_of(person.outbox.parents[1], os.geteuid())
    for number in range(COUNT):
        outbox.put(a_key(number), b"x", at_ns=number)
    away = {"ENVGUARD_SERVER": "http://127.0.0.1:9", "ENVGUARD_TOKEN": "x"}
    run = person("run", "--allow-drift", "x", *PYTHON, "pass", **away)
    assert run.code == 0
    assert "warning: too many receipts wait for the server: the oldest 1 will not be sent" in run.err


def test_a_state_folder_that_cannot_be_written_stops_no_run(ann: Person, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = ann("run", "--allow-drift", "x", *PYTHON, "pass", ENVGUARD_STATE=str(tmp_path / "file"))
    assert (run.code, run.err.count("warning: the server is not told of this")) == (0, 2)
    outbox = tmp_path / "state2" / "outbox"
    outbox.parent.mkdir()
    outbox.write_text("")
    run = ann("run", "--allow-drift", "x", *PYTHON, "pass", ENVGUARD_STATE=str(outbox.parent))
    assert run.code == 0
    assert run.err.count("warning: the server is not told of this") == 2


def test_a_server_that_hangs_holds_no_run_up(person: Person) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hung = {"ENVGUARD_SERVER": f"http://127.0.0.1:{silent.getsockname()[1]}", "ENVGUARD_TOKEN": "x"}
        pairs = [(_seconds(person, {}), _seconds(person, hung)) for _ in range(3)]
        began = time.monotonic()
        assert person("runs", **hung).code == 0
        assert time.monotonic() - began < 20
    without, with_it = (min(seconds) for seconds in zip(*pairs, strict=True))
    assert with_it < without + 3, "the answer is waited for twice as long as a connection, four seconds"


AS_THE_FIRST = """
import os, runpy
os.getpid = lambda: 1
runpy.run_module("envguard.cli.main", run_name="__main__")
"""


def test_the_first_process_of_a_container_waits_for_the_last_sending_as_long_as_that_may_last(
    person: Person,
) -> None:
    kept = {**os.environ, "ENVGUARD_STATE": str(person.outbox.parents[1]), **person.environ}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hung = {"ENVGUARD_SERVER": f"http://127.0.0.1:{silent.getsockname()[1]}", "ENVGUARD_TOKEN": "x"}
        command = [sys.executable, "-c", AS_THE_FIRST, "run", "--allow-drift", "x", *PYTHON, "pass"]
        began = time.monotonic()
        done = subprocess.run(command, cwd=person.project, env={**kept, **hung}, timeout=60, check=False)
        assert done.returncode == 0
        assert time.monotonic() - began > NETWORK_S


def _seconds(person: Person, environ: Mapping[str, str]) -> float:
    began = time.monotonic()
    assert person("run", "--allow-drift", "x", *PYTHON, "pass", **environ).code == 0
    return time.monotonic() - began


CHILDREN = "import os, time; time.sleep(0.3); print(open(f'/proc/self/task/{os.getpid()}/children').read())"


def test_a_command_that_takes_the_place_has_no_children_that_it_did_not_start(ann: Person) -> None:
    run = ann("run", "--exec", "--allow-drift", "x", *PYTHON, CHILDREN)
    assert (run.code, run.out.strip()) == (0, "")


@pytest.fixture
def machine(tmp_path: Path, server: Server, place: Path) -> Iterator[Path]:
    """A joined machine with an agent that reports every second; the runtime folder."""
    state, roots = tmp_path / "agent", tmp_path / "roots"
    roots.mkdir()
    arguments = ("join", "-", "--name", "ws-ann", "--roots", roots)
    call(*arguments, given=server.join, environ={"ENVGUARD_STATE": str(state)})
    with an_agent(state, place / "run"):
        assert within((place / "run" / "envguard" / "agent.sock").exists)
        yield place / "run"


def test_the_agent_sends_what_ran_on_its_machine(person: Person, server: Server, machine: Path) -> None:
    bob = msgspec.structs.replace(person, environ={**person.environ, "XDG_RUNTIME_DIR": str(machine)})
    assert bob("run", *PYTHON, "pass").code == 1
    assert bob("run", "--allow-drift", "old GPU", *PYTHON, "pass").code == 0
    assert within(lambda: [each["end"] is not None for each in documents(server)] == [True, True])
    ran, refused = documents(server)
    for each in (ran, refused):
        assert (each["person"], each["machine"], each["told_by"]) == (own_name(), "ws-ann", "machine")
    assert (ran["kind"], ran["exit_code"], ran["allow_drift"]) == ("run", 0, "old GPU")
    assert refused["kind"] == "refused"
    listed = json.loads(call("runs", "--with", "numpy>=2", "--json", environ=server.admin))["runs"]
    assert [each["id"] for each in listed] == [ran["id"]], "the agent sent the snapshot"
    assert bob.is_all_sent()
    assert bob("runs").out.startswith("RUN"), "who has no token reads what is here"


def test_the_agent_tells_of_scripts_that_their_require_stopped_or_let_run(
    person: Person, server: Server, machine: Path
) -> None:
    environ = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "XDG_RUNTIME_DIR": str(machine)}
    assert person("guard", "install", ".venv").code == 0
    script = person.project / "train.py"
    script.write_text("import envguard_guard\nenvguard_guard.require()\n")
    command = [str(person.project / ".venv" / "bin" / "python"), str(script), "--api-key=hunter2"]

    def train(**more: str) -> int:
        told = subprocess.run(command, cwd=person.project, env={**environ, **more}, check=False, timeout=60)
        return told.returncode

    assert train() == 1
    assert train(ENVGUARD_ALLOW_DRIFT="paper rerun") == 0
    assert within(lambda: len(documents(server)) == 2)
    ran, refused = documents(server)
    for each in (ran, refused):
        assert (each["person"], each["machine"], each["told_by"]) == (own_name(), "ws-ann", "machine")
        assert (each["verdict"], each["policy"]["name"]) == ("drifted", "rl-team")
        assert [finding["package"] for finding in each["findings"] if finding["severity"] == "error"] == [
            "gym"
        ]
        assert each["command"][-2:] == [str(script), "--api-key=***"]
    assert (refused["kind"], ran["kind"], ran["allow_drift"]) == ("refused", "required", "paper rerun")
    report = call("team", environ={**server.admin, "TZ": "UTC"})
    name = own_name()
    assert f'today: 1 run refused ({name} 1); 1 started anyway ({name}: "paper rerun")' in report
    assert "not seen" in call("runs", environ={**server.admin, "COLUMNS": "160"})

    bob = msgspec.structs.replace(person, environ={**person.environ, "XDG_RUNTIME_DIR": str(machine)})
    assert bob("run", "--allow-drift", "once", "--", *command).code == 0
    assert within(lambda: documents(server)[0]["kind"] == "run")
    time.sleep(1.5)
    assert len(documents(server)) == 3, "what envguard run tells, the script in it does not tell again"
