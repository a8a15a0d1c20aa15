"""A real agent is killed while its secret gives way to another, and goes on by itself."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.e2e.test_team import a_server, call, join, own

POINTS = ("before new_secret", "after new_secret", "before use_secret", "after use_secret")
"""Of what the agent asks the server; what it writes stands between."""

ONE_ROUND = """
import os, signal, sys
from pathlib import Path
from envguard.agent.sync import Round
from envguard.client import ServerClient
from envguard.domain.binding import BoundScan
from envguard.domain.environment import Scan
from envguard.inventory import machine_facts
from envguard.state import open_state

class Killed(ServerClient):
    def new_secret(self):
        return self.kill_at("new_secret", super().new_secret)

    def use_secret(self):
        return self.kill_at("use_secret", super().use_secret)

    def kill_at(self, name, ask):
        if sys.argv[2] == f"before {name}":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = ask()
        if sys.argv[2] == f"after {name}":
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

rounds = Round(
    open_state(Path(sys.argv[1])),
    scan=lambda state, roots, beat: BoundScan(Scan(machine_facts(), ())),
    connect=lambda identity, secret: Killed(identity.url, token=secret),
)
rounds.tell(rounds.look_and_judge())
"""


def age(database: Path) -> None:
    """Make every machine's secret an old one."""
    with contextlib.closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        connection.execute("UPDATE machines SET secret_at = 0")


def test_agent_that_is_killed_at_any_point_is_let_in_again(tmp_path: Path) -> None:
    with a_server(tmp_path / "server") as server:
        (tmp_path / "home").mkdir()
        (state,) = join(server, {"ws-7": tmp_path / "home"}, tmp_path).values()
        first = (state / "secret").read_text()
        for point in POINTS:
            age(tmp_path / "server" / "envguard.db")
            command = [sys.executable, "-c", ONE_ROUND, str(state), point]
            assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL, point
        assert (state / "secret.next").exists()
        call("agent", "--once", environ=own(state))
        assert (state / "secret").read_text() != first
        assert not (state / "secret.next").exists()
        assert "machine.renew" in call("audit", environ=server.admin)
