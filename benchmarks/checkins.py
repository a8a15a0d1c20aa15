"""``python -m benchmarks checkins``: durable check-ins on one core, against bare uvicorn.

*Unchanged* is one request; *changed* is three: a check-in, the records, and a snapshot that nobody has had.
The share *of bare* by rate is that of a machine which has nothing else to do; that by the server's processor
time holds on a busy one too.
"""

from __future__ import annotations

import contextlib
import os
import random
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import msgspec
import uvloop

from benchmarks.swarm.enrolling import enrol_all, report_all
from benchmarks.swarm.load import Load, as_fast_as_answered, so_many_a_second
from benchmarks.swarm.machines import Machine, a_snapshot
from benchmarks.swarm.serving import Serving, bare, serving
from tests.server.postgresql import DURABLE, running_cluster

MACHINES = 400
ENVIRONMENTS = 3
PACKAGES = 350
SNAPSHOTS = 20
CHANGES = 400
CONNECTIONS = 256
SECONDS = 2.0
ROUNDS = 3

_SERVER_CORE, _LOAD_CORE = 0, 1


class Measured(msgspec.Struct, frozen=True):
    """One kind of request at one server."""

    full: Load
    processor_us: float
    """The server's processor time for one."""
    half: Load | None = None
    requests: int = 1
    """How many requests one takes."""

    @property
    def per_second(self) -> float:
        """How many were done a second."""
        return self.full.per_second / self.requests


def main() -> None:
    """Measure each server in turn, several times, and print medians."""
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    found: dict[str, list[Measured]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="envguard-bench-") as folder,
        running_cluster(DURABLE) as cluster,
    ):
        if (os.cpu_count() or 1) > 1:
            os.sched_setaffinity(0, {_LOAD_CORE})
        kinds: dict[str, Callable[[int], AbstractContextManager[Serving]]] = {
            "bare uvicorn": lambda _: bare(core=_SERVER_CORE),
            "sqlite": lambda n: serving(Path(folder) / f"s{n}", core=_SERVER_CORE),
            "postgresql": lambda n: serving(
                Path(folder) / f"p{n}", cluster.new_database(), core=_SERVER_CORE
            ),
        }
        for number in range(ROUNDS):
            for kind, start in kinds.items():
                with start(number) as server:
                    for name, measured in uvloop.run(_measure(server)).items():
                        found.setdefault(f"{kind}, {name}" if server.admin else kind, []).append(measured)
    _print(found)


async def _measure(server: Serving) -> dict[str, Measured]:
    chance = random.Random(7)
    shared = [a_snapshot(chance, PACKAGES) for _ in range(SNAPSHOTS)]
    machines = [Machine(number, "", tuple(chance.sample(shared, ENVIRONMENTS))) for number in range(MACHINES)]
    if server.admin:
        await enrol_all(server, machines)
        await report_all(server, machines)
    measured = {"unchanged": await _unchanged(server, machines)}
    if server.admin:
        measured["changed"] = await _changed(server, machines, chance)
    return measured


async def _unchanged(server: Serving, machines: list[Machine]) -> Measured:
    parts = iter([machines[start::CONNECTIONS] for start in range(CONNECTIONS)])

    def forever() -> Iterator[bytes]:
        own = next(parts)
        while True:
            yield from (each.checkin() for each in own)

    before_s = server.processor_s()
    full = await as_fast_as_answered(server.address, forever, connections=CONNECTIONS, seconds=SECONDS)
    taken_us = (server.processor_s() - before_s) * 1e6 / max(len(full.latencies_ms), 1)
    parts = iter([machines])
    half = await so_many_a_second(
        server.address, forever(), rate=full.per_second / 2, connections=CONNECTIONS, seconds=SECONDS
    )
    return Measured(full, taken_us, half)


async def _changed(server: Serving, machines: list[Machine], chance: random.Random) -> Measured:
    """Each machine has a snapshot that nobody has had: check-in, records, snapshot, one after the other."""
    changes: list[bytes] = []
    for number in range(CHANGES):
        machine = machines[number % len(machines)]
        machine.hold((a_snapshot(chance, PACKAGES),))
        changes += [machine.checkin(), machine.put_records(), *machine.put_snapshots()]
    groups = iter([iter(changes[start : start + 3]) for start in range(0, len(changes), 3)])

    def next_ones() -> Iterator[bytes]:
        with contextlib.suppress(StopIteration):
            while True:
                yield from next(groups)

    before_s = server.processor_s()
    full = await as_fast_as_answered(server.address, next_ones, connections=CONNECTIONS, seconds=60)
    taken_us = (server.processor_s() - before_s) * 1e6 / CHANGES
    return Measured(full, taken_us, requests=3)


def _print(found: dict[str, list[Measured]]) -> None:
    print(
        f"{MACHINES} machines x {ENVIRONMENTS} environments, {CONNECTIONS} connections; medians of {ROUNDS}"
    )
    print("                       at full load                       at half load     processor")
    print("                       a second  of bare  p50 ms  p99 ms  p50 ms  p99 ms    of one  of bare")
    bare_rate = _median(found["bare uvicorn"], lambda each: each.per_second)
    bare_us = _median(found["bare uvicorn"], lambda each: each.processor_us)
    for name, runs in found.items():
        rate = _median(runs, lambda each: each.per_second)
        taken_us = _median(runs, lambda each: each.processor_us)
        full = [statistics.median(each.full.at_ms(at) for each in runs) for at in (0.5, 0.99)]
        halves = [each.half for each in runs if each.half is not None]
        half = [statistics.median(each.at_ms(at) for each in halves) for at in (0.5, 0.99) if halves]
        times = "".join(f"{each:8.1f}" for each in (*full, *half)).ljust(32)
        rates = f"{rate:8.0f} {rate / bare_rate:8.2f}"
        print(f"{name:<22} {rates}{times} {taken_us:7.0f} us  {bare_us / taken_us:7.2f}")


def _median(runs: list[Measured], of: Callable[[Measured], float]) -> float:
    return statistics.median(map(of, runs))


if __name__ == "__main__":
    main()
