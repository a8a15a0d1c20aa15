"""Who has a package, at 100,000 machines with three environments each; 200 contents of 350 packages.

``python -m benchmarks lists [MACHINES] [postgresql]``: the rows are written straight into the store, by a
seed; the questions go through the application, as a client asks them.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import sqlalchemy as sa

from envguard.domain.environment import (
    Digest,
    EnvironmentRecord,
    Interpreter,
    Package,
    Snapshot,
    digest_of,
    digest_of_text,
    snapshot_of,
)
from envguard.server.store import contents
from envguard.server.store.schema import environments, machines
from tests.server.asking import Server
from tests.server.postgresql import running_cluster

MACHINES = 100_000
_CONTENTS = 200
_PACKAGES = 350
_EACH = 3
_RUNS = 9
_SEED = 7
_SIZE = "SELECT pg_database_size(datname) FROM pg_database WHERE datname LIKE 'test%%'"
_BATCH = 20_000
_INTERPRETER = Interpreter(implementation="CPython", version="3.11.7", abi="cp311", platform="linux-x86_64")
_QUESTIONS = (
    ("who has numpy 2.x, first page and count", "packages/numpy?version=>%3D2&count=1"),
    ("who has numpy 2.x, first page", "packages/numpy?version=>%3D2"),
    ("who has one of 200 versions", "packages/rare?version=%3D%3D7.0"),
    ("who has numpy 2.x, page of 500 as CSV", "packages/numpy?version=>%3D2&limit=500&format=csv"),
    ("machines, first page", "machines"),
    ("environments with numpy 2.x, first page", "environments?with=numpy>%3D2"),
)


def main(arguments: list[str]) -> None:
    """Print what writing took, how large it is, and the median of each question."""
    count = int(arguments[0]) if arguments[:1] and arguments[0].isdigit() else MACHINES
    if "postgresql" in arguments:
        with running_cluster() as cluster:
            _measure(count, cluster.new_database(), lambda _: int(cluster.tell(_SIZE)))
    else:
        _measure(count, None, lambda state: sum(each.stat().st_size for each in state.iterdir()))


def _measure(count: int, url: str | None, size_bytes: Callable[[Path], int]) -> None:
    with tempfile.TemporaryDirectory(prefix="envguard-bench-") as folder:
        state = Path(folder) / "state"
        server = Server(state, database=url)
        print(f"{count} machines x {_EACH} environments, {_CONTENTS} contents of {_PACKAGES} packages")
        _populate(server, count)
        print(f"{'on disk':<42} {size_bytes(state) / 1e6:8.1f} MB")
        for words, path in _QUESTIONS:
            print(f"{words:<42} {_median_ms(server, path):8.1f} ms")
        server.database.close()


def _median_ms(server: Server, path: str) -> float:
    taken = []
    for _ in range(_RUNS + 1):
        began = time.perf_counter()
        answer = server.ask("GET", f"/team/{path}", token=server.admin)
        taken.append((time.perf_counter() - began) * 1000)
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status} {answer.body[:200]!r}")
    return statistics.median(taken[1:])


def _populate(server: Server, count: int) -> None:
    dice = random.Random(_SEED)
    snapshots = [_content(dice, number) for number in range(_CONTENTS)]
    digests = [digest_of(each) for each in snapshots]
    began = time.perf_counter()
    with server.database.writing() as connection:
        for digest, snapshot in zip(digests, snapshots, strict=True):
            contents.add_snapshot(connection, digest, snapshot)
    each_ms = (time.perf_counter() - began) * 1000 / _CONTENTS
    print(f"{'a new snapshot, with its index':<42} {each_ms:8.1f} ms")
    for first in range(0, count, _BATCH):
        numbers = range(first, min(first + _BATCH, count))
        with server.database.writing() as connection:
            connection.execute(machines.insert(), [_machine(number, server.now_s) for number in numbers])
            rows = list(_environments(dice, numbers, digests))
            connection.execute(environments.insert(), rows)
    with server.database.writing() as connection:
        if connection.dialect.name == "postgresql":  # which does it by itself, a minute later
            connection.execute(sa.text("ANALYZE"))


def _content(dice: random.Random, number: int) -> Snapshot:
    """Answer a content; most of its versions are what most have."""
    usual = (0, 0, 0, 0, 1, 2, 3)
    names = [f"package-{each}" for each in range(_PACKAGES - 2)]
    versions = {name: f"{dice.choice(usual)}.{dice.choice(usual)}" for name in names}
    versions["numpy"] = dice.choice(["1.26.4", "2.1.3", "2.2.0"])
    versions["rare"] = f"{number}.0"
    return snapshot_of(_INTERPRETER, [Package(*each) for each in versions.items()])


def _machine(number: int, now_s: float) -> dict[str, object]:
    return {
        "id": f"m{number}",
        "name": f"ws-{number:06}",
        "labels": b"{}",
        "secret_digest": f"{number:064}",
        "seen_at": now_s,
        "facts_digest": None,
    }


def _environments(dice: random.Random, numbers: range, digests: list[Digest]) -> Iterator[dict[str, object]]:
    for number in numbers:
        for each in range(_EACH):
            path = f"/srv/{number}/project-{each}/.venv"
            record = EnvironmentRecord(
                path=path, python=f"{path}/bin/python", kind="venv", digest=dice.choice(digests), owner="user"
            )
            yield {
                "machine": f"m{number}",
                "path_digest": digest_of_text(path),
                "snapshot": record.digest,
                "record": msgspec.json.encode(record),
            }
