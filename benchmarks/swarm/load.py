"""Requests sent as fast as they are answered, or so many a second; what each took."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator

import msgspec

from benchmarks.swarm.exchange import Address, BrokenOffError, Connection


class Load(msgspec.Struct, frozen=True):
    """What came of it."""

    lasted_s: float
    statuses: Counter[int]
    """By status; 0: no answer."""
    latencies_ms: list[float]
    """Of the successes, sorted."""

    @property
    def per_second(self) -> float:
        """Successes a second."""
        return len(self.latencies_ms) / self.lasted_s

    def at_ms(self, share: float) -> float:
        """Answer what this share of the successes took at most."""
        if not self.latencies_ms:
            return float("nan")
        return self.latencies_ms[min(int(share * len(self.latencies_ms)), len(self.latencies_ms) - 1)]


class _Seen:
    def __init__(self) -> None:
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []

    async def ask(self, connection: Connection, sent: bytes, began: float) -> None:
        try:
            answer = await connection.ask(sent)
        except BrokenOffError:
            self.statuses[0] += 1
            return
        self.statuses[answer.status] += 1
        if answer.status < 300:
            self.latencies.append((time.perf_counter() - began) * 1000)

    def load(self, began: float) -> Load:
        return Load(time.perf_counter() - began, self.statuses, sorted(self.latencies))


async def as_fast_as_answered(
    address: Address, requests: Callable[[], Iterator[bytes]], *, connections: int, seconds: float
) -> Load:
    """Keep every connection busy with requests of its own until the time is over, or they are."""
    seen, began = _Seen(), time.perf_counter()

    async def work(own: Iterator[bytes]) -> None:
        connection = Connection(address)
        for sent in own:
            await seen.ask(connection, sent, time.perf_counter())
            if time.perf_counter() - began > seconds:
                break
        connection.close()

    await asyncio.gather(*(work(requests()) for _ in range(connections)))
    return seen.load(began)


async def so_many_a_second(
    address: Address, requests: Iterator[bytes], *, rate: float, connections: int, seconds: float
) -> Load:
    """Send at moments of its own, whatever is answered; waiting for a free connection counts too."""
    seen, began, chance = _Seen(), time.perf_counter(), random.Random(1)
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(Connection(address))

    async def one(sent: bytes, due: float) -> None:
        connection = await free.get()
        await seen.ask(connection, sent, due)
        free.put_nowait(connection)

    due, tasks = began, set()
    for sent in requests:
        due += chance.expovariate(rate)
        if due - began > seconds:
            break
        if due > time.perf_counter():
            await asyncio.sleep(due - time.perf_counter())
        task = asyncio.create_task(one(sent, due))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    while not free.empty():
        free.get_nowait().close()
    return seen.load(began)
