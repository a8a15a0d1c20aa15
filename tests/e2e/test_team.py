"""A real server and real agents over loopback: from environments to the team's report, and back."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from tests.builders.environments import install, make_venv, site_packages

POLICY = "envguard: 1\nname: rl-team\npackages:\n  gym: {version: ==0.26.2, reason: five values}\n"
_ENVGUARD = (sys.executable, "-m", "envguard.cli.main")
_WITHIN_S = 40.0


class Server(msgspec.Struct, frozen=True):
    """A server process and what it announced."""

    process: subprocess.Popen[str]
    url: str
    join: str
    admin: Mapping[str, str]


def call(*arguments: str | Path, environ: Mapping[str, str], code: int = 0, given: str | None = None) -> str:
    """Run a command to its end; its exit code must be the expected one, and nothing a traceback."""
    done = subprocess.run(
        [*_ENVGUARD, *map(str, arguments)],
        env=_environ(environ),
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    return done.stdout


def _environ(extra: Mapping[str, str]) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("ENVGUARD")}
    kept.pop("VIRTUAL_ENV", None)
    return {**kept, **extra}


def own(state: Path) -> Mapping[str, str]:
    """Answer what makes a command this machine's."""
    return {"ENVGUARD_STATE": str(state)}


@contextlib.contextmanager
def a_server(
    state: Path, listen: str = "127.0.0.1:0", *options: str | Path, interval_s: int = 60
) -> Iterator[Server]:
    process = subprocess.Popen(
        [*_ENVGUARD, "server", "--listen", listen, "--state", str(state), "--json", *map(str, options)],
        env=_environ({"ENVGUARD_INTERVAL_S": str(interval_s)}),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        started = json.loads(process.stdout.readline())
        token = Path(started["admin_token_file"]).read_text().strip()
        admin = {"ENVGUARD_SERVER": started["url"], "ENVGUARD_TOKEN": token}
        if started["ca_file"] is not None:
            admin["ENVGUARD_CA"] = started["ca_file"]
        yield Server(process, started["url"], started["join"], admin)
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


@contextlib.contextmanager
def an_agent(state: Path, runtime: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """An agent; with a runtime folder it tells its machine's users its verdicts, and takes their receipts."""
    told = {} if runtime is None else {"XDG_RUNTIME_DIR": str(runtime)}
    process = subprocess.Popen([*_ENVGUARD, "agent"], env=_environ({**own(state), **told}))
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def machines(tmp_path: Path) -> dict[str, Path]:
    """Three projects that name the policy; the second holds another gym, the third none."""
    found = {}
    for name, version in (("ws-ann", "0.26.2"), ("ws-bob", "0.25.2"), ("ws-eve", None)):
        project = tmp_path / name
        project.mkdir()
        environment = make_venv(Path(sys.executable), project / ".venv")
        if version is not None:
            install(environment, gym=version)
        (project / "pyproject.toml").write_text('[tool.envguard]\npolicy = "rl-team"\n')
        found[name] = project
    return found


def a_policy_file(folder: Path) -> Path:
    path = folder / "rl-team.yaml"
    path.write_text(POLICY)
    return path


def join(server: Server, machines: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    states = {name: folder / f"{name}.state" for name in machines}
    for name, project in machines.items():
        arguments = ("join", "-", "--name", name, "--roots", project)
        call(*arguments, given=server.join, environ=own(states[name]))
    return states


def team(server: Server) -> Any:  # a decoded document
    return json.loads(call("team", "--json", environ=server.admin))


def within(condition: Callable[[], bool]) -> bool:
    """Wait for a condition, a bounded time."""
    deadline = time.monotonic() + _WITHIN_S
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return False


def test_agents_report_and_the_team_sees_each_cause(machines: dict[str, Path], tmp_path: Path) -> None:
    with a_server(tmp_path / "server") as server:
        call("policy", "push", a_policy_file(tmp_path), environ=server.admin)
        states = join(server, machines, tmp_path)
        for state in states.values():
            call("agent", "--once", environ=own(state))
        report = team(server)
        assert report["summary"] == {
            "machines": 3,
            "compliant": 1,
            "drifted": 2,
            "unknown": 0,
            "unmanaged": 0,
            "away": 0,
        }
        printed = call("team", environ=server.admin)
        assert printed.startswith("1 of 3 machines matches rl-team r1; 2 drift")
        assert "gym 0.25.2, needs ==0.26.2" in printed
        assert "gym absent, needs ==0.26.2" in printed
        assert "compliant" in call("status", environ=own(states["ws-ann"]))
        pushed = call("policy", "push", tmp_path / "rl-team.yaml", environ=server.admin)
        assert "was already r1; it governs 3 environments" in pushed


def test_the_agent_and_the_server_agree_with_check(machines: dict[str, Path], tmp_path: Path) -> None:
    with a_server(tmp_path / "server") as server:
        call("policy", "push", a_policy_file(tmp_path), environ=server.admin)
        states = join(server, machines, tmp_path)
        for name, state in states.items():
            call("agent", "--once", environ=own(state))
            code = 0 if name == "ws-ann" else 1
            call("check", machines[name] / ".venv", code=code, environ=own(state))
            told = json.loads(call("status", "--json", environ=own(state)))["environments"]
            there = next(each for each in team(server)["machines"] if each["name"] == name)
            assert [each["verdict"] for each in told] == [there["verdict"]]


def test_a_mended_environment_becomes_compliant_by_itself(machines: dict[str, Path], tmp_path: Path) -> None:
    bob = {"ws-bob": machines["ws-bob"]}
    with a_server(tmp_path / "server", interval_s=1) as server:
        call("policy", "push", a_policy_file(tmp_path), environ=server.admin)
        (state,) = join(server, bob, tmp_path).values()
        with an_agent(state):
            assert within(lambda: team(server)["summary"]["drifted"] == 1)
            (old,) = site_packages(bob["ws-bob"] / ".venv").glob("gym-*.dist-info")
            old.rename(tmp_path / "old")
            install(bob["ws-bob"] / ".venv", gym="0.26.2")
            assert within(lambda: team(server)["summary"]["compliant"] == 1)


def test_an_agent_goes_on_without_its_server_and_catches_up(
    machines: dict[str, Path], tmp_path: Path
) -> None:
    ann = {"ws-ann": machines["ws-ann"]}
    with a_server(tmp_path / "server") as server:
        call("policy", "push", a_policy_file(tmp_path), environ=server.admin)
        (state,) = join(server, ann, tmp_path).values()
        call("agent", "--once", environ=own(state))
        port = server.url.rpartition(":")[2]
        # Killed, not stopped: what was acknowledged must be there afterwards.
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(20)
    call("agent", "--once", code=3, environ=own(state))
    status = json.loads(call("status", "--json", environ=own(state)))
    assert status["environments"][0]["verdict"] == "compliant"
    assert status["error"]
    with a_server(tmp_path / "server", listen=f"127.0.0.1:{port}") as server:
        assert team(server)["summary"]["compliant"] == 1
        call("agent", "--once", environ=own(state))
        assert json.loads(call("status", "--json", environ=own(state)))["error"] is None


def test_an_expired_join_string_lets_nobody_in(tmp_path: Path) -> None:
    with a_server(tmp_path / "server") as server:
        short = call("token", "new", "--expires", "1", environ=server.admin).strip()
        time.sleep(1.2)
        state = tmp_path / "late"
        call("join", short, "--name", "late", code=3, environ=own(state))
        assert not (state / "identity.json").exists()


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with a_server(tmp_path / "server") as server:
        listen = server.url.removeprefix("http://")
        call("server", "--listen", listen, "--state", tmp_path / "second", environ={}, code=3)


def test_the_first_start_keeps_the_admin_s_token_private_and_health_is_told(tmp_path: Path) -> None:
    with a_server(tmp_path / "server") as server:
        assert (tmp_path / "server" / "admin-token").stat().st_mode & 0o777 == 0o600
        with requests.Session() as session:
            session.trust_env = False
            assert session.get(f"{server.url}/healthz", timeout=10).json()["status"] == "ok"
            page = session.get(server.url, timeout=10)
            assert "<form" in page.text


def test_a_dry_run_prints_what_would_be_sent_and_sends_nothing(
    machines: dict[str, Path], tmp_path: Path
) -> None:
    with a_server(tmp_path / "server") as server:
        state = join(server, {"ws-bob": machines["ws-bob"]}, tmp_path)["ws-bob"]
        document = json.loads(call("agent", "--dry-run", environ=own(state)))
        assert [each["path"] for each in document["records"]] == [str(machines["ws-bob"] / ".venv")]
        assert not any(each["environments"] for each in team(server)["machines"])


def test_a_policy_that_governs_none_names_who_holds_its_packages(
    machines: dict[str, Path], tmp_path: Path
) -> None:
    (machines["ws-bob"] / "pyproject.toml").unlink()
    with a_server(tmp_path / "server") as server:
        state = join(server, {"ws-bob": machines["ws-bob"]}, tmp_path)["ws-bob"]
        call("agent", "--once", environ=own(state))
        printed = call("policy", "push", a_policy_file(tmp_path), environ=server.admin)
        assert "it governs 0 environments" in printed
        assert f"ws-bob  {machines['ws-bob'] / '.venv'}" in printed
        assert "envguard use rl-team" in printed
