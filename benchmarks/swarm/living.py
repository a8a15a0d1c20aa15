"""How a simulated machine lives: it checks in, sends what is lacking, waits as an agent waits."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Callable

import msgspec

from benchmarks.swarm.exchange import Address, BrokenOffError, Connection
from benchmarks.swarm.faults import Fault, broken
from benchmarks.swarm.machines import Machine
from envguard.client.answers import Answer, message, retry_after_s
from envguard.client.backoff import Backoff, next_in_s, retry_in_s
from envguard.wire import CheckinReply, RecordsReply


class Seen(msgspec.Struct):
    """What came of all requests so far."""

    accepted: int = 0
    refused: Counter[int] = msgspec.field(default_factory=Counter)
    """By status, of the requests in which nothing was wrong."""
    told: Counter[tuple[Fault, int]] = msgspec.field(default_factory=Counter)
    """Broken requests by their fault and the status of the answer."""
    unanswered: int = 0
    latencies_ms: list[float] = msgspec.field(default_factory=list)
    """Of accepted check-ins."""


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """What all machines of a swarm share."""

    address: Address
    interval_s: float
    is_over: Callable[[], bool]
    storm: asyncio.Event
    """Whenever it is set, everybody comes at once."""
    seen: Seen


async def live(machine: Machine, life: Life, chance: random.Random, fault: Fault | None) -> None:
    """Check in, over and over, until the swarm is over."""
    backoff = Backoff()
    wait_s = chance.random() * life.interval_s
    while not await _is_over_after(wait_s, life):
        connection = Connection(life.address)
        try:
            retry_s = await _round(machine, connection, life, fault)
        except BrokenOffError:
            life.seen.unanswered += 1
            retry_s = 0.0
        finally:
            connection.close()
        if retry_s is None:
            backoff = backoff.succeeded()
            wait_s = next_in_s(
                machine.id, interval_s=life.interval_s, now_s=time.time(), chance=chance.random()
            )
        else:
            backoff = backoff.failed()
            wait_s = retry_in_s(
                backoff, interval_s=life.interval_s, chance=chance.random(), retry_after_s=retry_s
            )


async def _round(machine: Machine, connection: Connection, life: Life, fault: Fault | None) -> float | None:
    """Answer None where it went well, else what the server asked to wait."""
    began = time.perf_counter()
    answer = await connection.ask(machine.checkin())
    if answer.status != 200:
        life.seen.refused[answer.status] += 1
        return retry_after_s(answer.headers) or 0.0
    life.seen.accepted += 1
    life.seen.latencies_ms.append((time.perf_counter() - began) * 1000)
    machine.acknowledged = machine.said
    if message(answer, CheckinReply, where="checkin").wants_records:
        refused = await _report(machine, connection)
        if refused is not None:
            life.seen.refused[refused.status] += 1
            return retry_after_s(refused.headers) or 0.0
    if fault is not None:
        answer = await connection.ask(broken(machine, fault))
        life.seen.told[fault, answer.status] += 1
    return None


async def _report(machine: Machine, connection: Connection) -> Answer | None:
    """Send what the server lacks; answer its refusal, or None."""
    answer = await connection.ask(machine.put_records())
    if answer.status != 200:
        return answer
    missing = set(message(answer, RecordsReply, where="environments").missing)
    for digest, put in zip(machine.snapshots, machine.put_snapshots(), strict=True):
        if digest in missing:
            answer = await connection.ask(put)
            if answer.status != 204:
                return answer
    machine.has_reported = True
    return None


async def _is_over_after(seconds: float, life: Life) -> bool:
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(life.storm.wait(), seconds)
    return life.is_over()
