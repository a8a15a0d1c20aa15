"""Three real servers on one PostgreSQL: one is stopped, one is killed under load, and the agents go on."""

from __future__ import annotations

import contextlib
import itertools
import signal
import subprocess
import threading
import time
from pathlib import Path

import msgspec
import requests
import sqlalchemy as sa

from envguard.server.store.database import Database
from envguard.server.store.schema import leases, machines
from envguard.wire import read_join
from tests.server.asking import a_checkin, a_record, a_snapshot, records
from tests.server.postgresql import Cluster
from tests.server.test_serve import call, running

GOOD = a_snapshot(gym="0.26.2")
HELD = records(a_record(GOOD))
AGENTS = 6
Running = tuple[subprocess.Popen[str], str, str, Path]
_WITHIN_S = 30.0


class Agent:
    """Checks in again and again, through whichever server answers: as behind a load balancer."""

    def __init__(self, name: str, urls: list[str], secret: str) -> None:
        self.name = name
        self.acknowledged = 0
        self.refused: list[int] = []
        self._urls = itertools.cycle(urls)
        self._url = next(self._urls)
        self._headers = {"authorization": f"Bearer {secret}"}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._is_over.set()
        self._thread.join(_WITHIN_S)

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            seq = 1
            while not self._is_over.is_set():
                try:
                    body = msgspec.json.encode(a_checkin(HELD, seq=seq))
                    url = f"{self._url}/api/v1/checkin"
                    answer = session.post(url, data=body, headers=self._headers, timeout=_WITHIN_S)
                except requests.ConnectionError:
                    self._url = next(self._urls)
                    continue
                if answer.status_code == 200:
                    self.acknowledged, seq = seq, seq + 1
                else:
                    self.refused.append(answer.status_code)


def wait_for_more(agents: list[Agent], count: int) -> None:
    """Wait until each agent was acknowledged so many times more."""
    before = [each.acknowledged for each in agents]
    deadline = time.monotonic() + _WITHIN_S
    while any(each.acknowledged < was + count for each, was in zip(agents, before, strict=True)):
        assert time.monotonic() < deadline, "the agents do not go on"
        time.sleep(0.01)


def holder_of_the_chores(database: Database) -> str | None:
    with database.reading() as connection:
        holder: str | None = connection.scalar(sa.select(leases.c.holder))
    return holder


def stopped(servers: list[Running], database: Database) -> Running:
    """Stop the server that does the chores, which lets others do them; answer it."""
    deadline = time.monotonic() + _WITHIN_S
    while (holder := holder_of_the_chores(database)) is None:
        assert time.monotonic() < deadline, "nobody does the chores"
        time.sleep(0.01)
    (found,) = (each for each in servers if f":{each[0].pid}:" in holder)
    found[0].send_signal(signal.SIGTERM)
    assert found[0].wait(_WITHIN_S) == 0
    assert holder_of_the_chores(database) != holder
    return found


def test_killed_server_loses_nothing_and_the_others_go_on(cluster: Cluster, tmp_path: Path) -> None:
    database = cluster.bare_database()
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(running(tmp_path / name, database)) for name in ("a", "b", "c")]
        urls = [url for _, url, _, _ in servers]
        opened = Database(database)
        agents = []
        for number, (_, _, join, _) in zip(range(AGENTS), itertools.cycle(servers)):
            url = urls[number % 3]  # a join string is good at each of them
            enrolment = {"token": read_join(join).token, "machine": f"m{number}", "name": f"ws-{number}"}
            secret = call("POST", f"{url}/api/v1/enroll", enrolment, "")["secret"]
            call("PUT", f"{urls[number % 2]}/api/v1/environments", HELD, secret)
            agents.append(Agent(f"ws-{number}", urls[number % 3 :] + urls[: number % 3], secret))
        try:
            wait_for_more(agents, 5)
            servers.remove(stopped(servers, opened))
            wait_for_more(agents, 5)
            servers.pop()[0].kill()
            wait_for_more(agents, 5)
        finally:
            for agent in agents:
                agent.stop()
        ((_, url, _, token_file),) = servers
        team = call("GET", f"{url}/api/v1/team", None, token_file.read_text().strip())
        assert len(team["machines"]) == AGENTS
    assert [each.refused for each in agents] == [[]] * AGENTS
    with contextlib.closing(opened), opened.reading() as connection:
        kept = {row.name: row.seq for row in connection.execute(sa.select(machines))}
    assert all(kept[each.name] >= each.acknowledged for each in agents)
