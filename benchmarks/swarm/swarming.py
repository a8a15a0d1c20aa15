"""A swarm from its first check-in to the last: with an outage in between, and a look at what was kept."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack

import msgspec
import sqlalchemy as sa

from benchmarks.swarm.enrolling import enrol_all
from benchmarks.swarm.faults import TOLD, Fault
from benchmarks.swarm.living import Life, Seen, live
from benchmarks.swarm.machines import Machine, a_snapshot
from benchmarks.swarm.serving import Serving
from envguard.server.store.schema import machines as machine_table

Start = Callable[[int], AbstractContextManager[Serving]]
"""Starts a server on one state, at this port; 0: any."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What the swarm is."""

    machines: int
    interval_s: float
    seconds: float
    """How long it lives; with an outage, as long before it as after it."""
    broken: float = 0.0
    """The share of machines in which something is wrong."""
    outage_s: float | None = None
    """How long the server is gone after it was killed; then everybody comes at once. None: it stays."""
    seed: int = 1
    packages: int = 350
    distinct: int = 20
    """Different environments in the whole swarm."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    seen: Seen
    lost: int
    """Machines of which the server acknowledged what it did not keep."""
    wrong: int
    """Answers to broken requests that were not the right ones."""
    recovered_s: float | None
    """From the end of the outage until every machine had been answered; None: without outage, or never."""
    server_mb: float


def swarm(start: Start, plan: Plan, database: Callable[[], sa.Engine]) -> Result:
    """Live as planned on servers of this kind; ``database`` is what they keep."""
    return asyncio.run(_swarm(start, plan, database))


async def _swarm(start: Start, plan: Plan, database: Callable[[], sa.Engine]) -> Result:
    chance = random.Random(plan.seed)
    found = [a_snapshot(chance, plan.packages) for _ in range(plan.distinct)]
    team = [Machine(number, "", tuple(chance.sample(found, 3))) for number in range(plan.machines)]
    seen, storm, recovered_s = Seen(), asyncio.Event(), None
    ends_at = [float("inf")]
    with ExitStack() as running:
        server = running.enter_context(start(0))
        await enrol_all(server, team)
        life = Life(
            address=server.address,
            interval_s=plan.interval_s,
            is_over=lambda: time.monotonic() > ends_at[0],
            storm=storm,
            seen=seen,
        )
        lives = [
            asyncio.create_task(live(each, life, random.Random(chance.random()), _fault(chance, plan)))
            for each in team
        ]
        await asyncio.sleep(plan.seconds if plan.outage_s is None else plan.seconds / 2)
        if plan.outage_s is not None:
            server.process.kill()
            running.close()
            await asyncio.sleep(plan.outage_s)
            server = running.enter_context(start(server.address.port))
            recovered_s = await _storm(team, storm, plan)
        memory_mb = server.resident_mb()
        ends_at[0] = time.monotonic()
        storm.set()
        await asyncio.gather(*lives)
    return Result(
        seen=seen,
        lost=_lost(team, database()),
        wrong=sum(count for (fault, status), count in seen.told.items() if TOLD[fault] != status),
        recovered_s=recovered_s,
        server_mb=memory_mb,
    )


async def _storm(team: Sequence[Machine], storm: asyncio.Event, plan: Plan) -> float | None:
    """Let everybody come at once; answer when the last was heard, then live on to the end."""
    before = [each.acknowledged for each in team]
    began, recovered_s = time.monotonic(), None
    storm.set()
    await asyncio.sleep(0)
    storm.clear()
    while time.monotonic() - began < plan.seconds / 2:
        is_heard = all(each.acknowledged != was for each, was in zip(team, before, strict=True))
        if recovered_s is None and is_heard:
            recovered_s = time.monotonic() - began
        await asyncio.sleep(0.05)
    return recovered_s


def _fault(chance: random.Random, plan: Plan) -> Fault | None:
    return chance.choice(tuple(TOLD)) if chance.random() < plan.broken else None


class _Kept(msgspec.Struct, frozen=True):
    epoch: str | None
    seq: int | None
    records: str | None


def _lost(team: Sequence[Machine], engine: sa.Engine) -> int:
    """Count the machines of which less is kept than was acknowledged."""
    table = machine_table.c
    with engine.connect() as connection:
        rows = connection.execute(sa.select(table.id, table.epoch, table.seq, table.records_digest))
        kept = {row[0]: _Kept(*row[1:]) for row in rows}
    engine.dispose()
    return sum(_is_lost(each, kept.get(each.id)) for each in team)


def _is_lost(machine: Machine, kept: _Kept | None) -> bool:
    if kept is None:
        return True
    said = machine.acknowledged
    is_behind = said is not None and (kept.epoch != said[0] or (kept.seq or 0) < said[1])
    return is_behind or (machine.has_reported and kept.records != machine.records_digest)
