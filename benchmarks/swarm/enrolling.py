"""Machines let in, and their first reports."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator

import msgspec

from benchmarks.swarm.exchange import Connection, request
from benchmarks.swarm.machines import Machine
from benchmarks.swarm.serving import Serving
from envguard.client.answers import Answer, message
from envguard.wire import EnrolReply, EnrolRequest, read_join

_AT_ONCE = 16


class _Join(msgspec.Struct, frozen=True):
    join: str


async def enrol_all(server: Serving, machines: list[Machine]) -> None:
    """Let every machine in and give each its secret."""
    connection = Connection(server.address)
    wanted = msgspec.json.encode({"expires_s": 3600, "uses": len(machines)})
    made = await connection.ask(request("POST", "tokens", wanted, secret=server.admin))
    token = read_join(message(made, _Join, where="tokens").join).token
    connection.close()

    async def enrol(machine: Machine, connection: Connection) -> None:
        body = EnrolRequest(token=token, machine=machine.id, name=machine.name)
        answer = await connection.ask(request("POST", "enroll", msgspec.json.encode(body), secret=token))
        machine.secret = message(answer, EnrolReply, where="enroll").secret

    await _for_each(server, machines, enrol)


async def report_all(server: Serving, machines: list[Machine]) -> None:
    """Send the records of every machine, and each snapshot once."""
    sent: set[str] = set()

    async def report(machine: Machine, connection: Connection) -> None:
        _expect(await connection.ask(machine.put_records()))
        for digest, put in zip(machine.snapshots, machine.put_snapshots(), strict=True):
            if digest not in sent:
                sent.add(digest)
                _expect(await connection.ask(put))

    await _for_each(server, machines, report)


async def _for_each(
    server: Serving, machines: Iterable[Machine], act: Callable[[Machine, Connection], Awaitable[None]]
) -> None:
    waiting: Iterator[Machine] = iter(machines)

    async def work() -> None:
        connection = Connection(server.address)
        for machine in waiting:
            await act(machine, connection)
        connection.close()

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))


def _expect(answer: Answer) -> None:
    assert 200 <= answer.status < 300, answer
