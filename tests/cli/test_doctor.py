"""``envguard doctor`` names what is wrong, what to do, and changes nothing."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from envguard.cli.doctor.machine import looks_at_machine
from envguard.cli.doctor.network import looks_at_server
from envguard.cli.doctor.server_host import looks_at_server_host
from envguard.report.doctor import Checkup
from envguard.state import Identity, LastStatus, State, open_state
from tests.cli.conftest import Envguard
from tests.client.fake_server import Asked, Told, serving

NOW = datetime.now(timezone.utc)


def checks(told: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Answer level and words of each check; whatever is not well says what to do."""
    assert all(each["hint"] for each in told["checks"] if each["level"] != "ok")
    return {each["name"]: (each["level"], each["found"]) for each in told["checks"]}


@pytest.fixture
def state(tmp_path: Path) -> State:
    """The state of a machine that joined a server which is not there."""
    made = open_state(tmp_path / "state")
    made.join(Identity(machine="m", name="ws-7", url="http://127.0.0.1:1", interval_s=60), "secret")
    return made


def looked(looks: Mapping[str, Any], name: str) -> list[Checkup]:
    return list(looks[name]())


def of_machine(state: State, name: str, said: str = "") -> Checkup:
    (found,) = looked(looks_at_machine({"ENVGUARD_STATE": str(state.path)}, NOW, lambda _: said), name)
    return found


def test_machine_that_joined_nothing_is_told_how_and_nothing_is_made(
    envguard: Envguard, tmp_path: Path
) -> None:
    run = envguard("doctor", "--json", XDG_STATE_HOME=str(tmp_path), HOME=str(tmp_path))
    assert run.code == 0
    assert checks(run.json())["joined"] == ("warn", "this machine has joined no server")
    assert not (tmp_path / "state").exists()


def test_machine_and_its_server_are_looked_at_in_one_go(
    envguard: Envguard, server: dict[str, str], admin: dict[str, str], tmp_path: Path
) -> None:
    envguard("join", server["join"], "--name", "ws-7", "--roots", tmp_path)
    envguard("agent", "--once")
    folder = Path(server["admin_token_file"]).parent
    before = sorted((path.name, path.stat().st_mtime_ns) for path in (tmp_path / "state").rglob("*"))
    run = envguard("doctor", "--state", folder)
    lines = run.out.splitlines()
    assert (run.code, lines[-1].split(",")[0]) == (0, "0 failed"), run.out
    words = {line[6:20].strip(): line[:6].strip() for line in lines[1:-1] if line[:6].strip()}
    assert words["agent"] == words["backup"] == "warn"
    well = ("state", "joined", "policies", "server", "clock", "token", "database")
    assert {words[each] for each in well} == {"ok"}
    assert before == sorted((path.name, path.stat().st_mtime_ns) for path in (tmp_path / "state").rglob("*"))
    envguard("server", "backup", tmp_path / "one", "--state", folder)
    run = envguard("doctor", "--state", folder, "--json", ENVGUARD_SERVER=admin["ENVGUARD_SERVER"])
    assert run.code == 1
    assert checks(run.json())["backup"][0] == "ok"
    assert checks(run.json())["server"] == ("fail", "ENVGUARD_SERVER is set, and ENVGUARD_TOKEN is not")


class TestMachine:
    def test_open_state_and_open_secret_fail(self, state: State) -> None:
        assert of_machine(state, "state").level == "ok"
        (state.path / "secret").chmod(0o644)
        found = of_machine(state, "state")
        assert (found.level, found.hint) == ("fail", f"chmod 600 {state.path / 'secret'}, and join again")
        state.path.chmod(0o777)
        assert of_machine(state, "state").found.endswith("may be written by others")

    def test_broken_file_of_the_state_does_not_end_the_look(self, envguard: Envguard, state: State) -> None:
        (state.path / "identity.json").write_text("{")
        run = envguard("doctor", "--json")
        assert run.code == 1
        assert checks(run.json())["joined"][0] == "fail"
        assert checks(run.json())["disk"]

    def test_agent_says_how_its_last_round_went(self, state: State) -> None:
        assert of_machine(state, "agent").found == "it does not run"
        state.keep_status(LastStatus(scanned_at=NOW, error="the disk is full"))
        with state.only_agent():
            assert of_machine(state, "agent").found == "it runs, and its last round failed: the disk is full"
            state.keep_status(LastStatus(scanned_at=NOW))
            assert of_machine(state, "agent").level == "ok"

    @pytest.mark.parametrize(
        ("ago", "level"),
        [(timedelta(minutes=2), "ok"), (timedelta(hours=1), "warn"), (-timedelta(hours=1), "fail")],
        ids=["fresh", "old", "in the future"],
    )
    def test_old_verdicts_are_told(self, state: State, ago: timedelta, level: str) -> None:
        state.keep_status(LastStatus(scanned_at=NOW - ago))
        assert of_machine(state, "verdicts").level == level

    def test_policies_of_a_server_that_is_long_silent_are_told(self, state: State) -> None:
        assert of_machine(state, "policies").level == "warn"
        state.keep_status(LastStatus(contacted_at=NOW - timedelta(days=6)))
        assert of_machine(state, "policies").level == "ok"
        state.keep_status(LastStatus(contacted_at=NOW - timedelta(days=8)))
        assert of_machine(state, "policies").level == "warn"


class TestServer:
    def of_server(self, **environ: str) -> list[Checkup]:
        return looked(looks_at_server({"ENVGUARD_TOKEN": "t", **environ}, lambda: NOW), "server")

    def test_name_without_an_address_and_closed_port_are_told_apart(self, tmp_path: Path) -> None:
        environ = {"ENVGUARD_STATE": str(tmp_path)}
        (found,) = self.of_server(ENVGUARD_SERVER="https://no-such.invalid", **environ)
        assert (found.level, found.found) == ("fail", "this name has no address: no-such.invalid")
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        (found,) = self.of_server(ENVGUARD_SERVER=f"http://127.0.0.1:{port}", **environ)
        assert found.found == f"127.0.0.1 (127.0.0.1 port {port}): Connection refused"

    def test_clock_and_token_are_compared_with_the_servers(self, tmp_path: Path) -> None:
        def answer(asked: Asked) -> Told:
            if asked.path == "/healthz":
                return Told(body=b'{"status": "ok"}')
            return Told(status=401, body=b'{"error": "the server does not know this token", "hint": "join"}')

        with serving(answer) as server:
            looks = looks_at_server(
                {"ENVGUARD_TOKEN": "t", "ENVGUARD_SERVER": server.url, "ENVGUARD_STATE": str(tmp_path)},
                lambda: datetime.now(timezone.utc) + timedelta(days=365),
            )
            found = {each.name: each for each in looked(looks, "server")}
        assert found["server"].level == "ok"
        assert (found["clock"].level, found["clock"].hint) == ("fail", "set it: timedatectl set-ntp true")
        assert "ahead of the server's" in found["clock"].found
        assert (found["token"].level, found["token"].hint) == ("fail", "join")


def test_server_host_without_a_database_is_said(tmp_path: Path) -> None:
    looks = looks_at_server_host(tmp_path, None, NOW)
    (backup,) = looked(looks, "backup")
    assert (backup.level, backup.found) == ("warn", "none is known of")
    assert looked(looks, "certificates") == []
    (tmp_path / "tls.pem").write_text("torn")
    (certificate,) = looked(looks, "certificates")
    assert (certificate.level, certificate.found) == ("fail", f"it is damaged: {tmp_path / 'tls.pem'}")
