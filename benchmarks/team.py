"""``python -m benchmarks team [MACHINES]``: a large team's verdicts, kept, counted, judged anew after a push.

Each machine has three environments of 200 distinct ones with 350 packages each, and is of one of four kinds.
The tables are filled row by row as a server fills them, in bulk; all judging is the server's.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

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
from envguard.domain.facts import MachineFacts
from envguard.domain.policy import PolicySource
from envguard.server.background import IDLE_S, Background
from envguard.server.judging import begin_judging, judge_batch, policy_moved
from envguard.server.reporting import team_counts
from envguard.server.service import Service
from envguard.server.store import contents, schema
from envguard.server.store.database import Database
from envguard.server.store.policies import add_revision
from envguard.wire import Records, records_digest

SIZES = (10_000, 100_000)
_SNAPSHOTS = 200
_PACKAGES = 350
_KINDS = 4
_ENVIRONMENTS = 3
_AT_ONCE = 2_000
_COUNTED = 7
_POLICY = """\
envguard: 1
name: rl-team
applies-to: [{{environments: ["{whom}"]}}]
lock: rl-team.txt
unlisted: {unlisted}
"""


class Took(NamedTuple):
    """What something took."""

    wall_s: float
    processor_s: float


def main(sizes: tuple[int, ...] = SIZES) -> None:
    """Make each team in a database of its own, measure, and print."""
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="envguard-bench-") as folder:
            _measure(size, Path(folder) / "team.db")


def _measure(size: int, file: Path) -> None:
    database = Database(f"sqlite:///{file}")
    service = Service(database=database, clock=time.time, url="http://127.0.0.1", interval_s=3600.0)
    filled = _taken(lambda: _fill(database, size))
    print(f"{size} machines, {_ENVIRONMENTS} environments each, {_SNAPSHOTS} distinct, {_PACKAGES} packages")
    _print("filled", filled)
    before = _push(service, "*", "warn")
    begin_judging(service)
    _print("judged first, without a rest", _taken(lambda: _settle(service)))
    print(f"{'size on disk':<42} {_size_of(database, file) / 1e6:9.1f} MB")
    counted = [_taken(lambda: team_counts(service)) for _ in range(_COUNTED)]
    wall_s, processor_s = (statistics.median(each) for each in zip(*counted, strict=True))
    print(f"{'team counts, median':<42} {wall_s * 1000:9.1f} ms  processor {processor_s * 1000:7.1f} ms")
    _print("push: kept", _push(service, "*", "error"))
    _print("push: judged anew, without a rest", _taken(lambda: _settle(service)))
    _push(service, "*", "warn")
    _print("push: judged anew, with rests", _taken(lambda: _in_background(service)))
    _push(service, "/home/**", "warn")
    _print("push that changes for whom it is, with rests", _taken(lambda: _in_background(service)))
    print(f"{'cases':<42} {_count(database, schema.cases):9d}")
    print(team_counts(service).summary, f"first push kept in {before.wall_s * 1000:.0f} ms\n")
    database.close()


def _print(what: str, took: Took) -> None:
    print(f"{what:<42} {took.wall_s:9.2f} s   processor {took.processor_s:7.2f} s")


def _taken(do: Callable[[], object]) -> Took:
    wall_s, processor_s = time.perf_counter(), time.process_time()
    do()
    return Took(time.perf_counter() - wall_s, time.process_time() - processor_s)


def _settle(service: Service) -> None:
    while judge_batch(service):
        pass


def _in_background(service: Service) -> None:
    background = Background(service)
    while (rest_s := background.look()) != IDLE_S:
        time.sleep(rest_s)
    background.stop()


def _push(service: Service, whom: str, unlisted: str) -> Took:
    lock = "".join(f"p{number:03}==1.0\n" for number in range(_PACKAGES))
    source = PolicySource(
        filename="rl-team.yaml",
        text=_POLICY.format(whom=whom, unlisted=unlisted),
        lock_filename="rl-team.txt",
        lock_text=lock,
    )

    def push() -> None:
        with service.database.writing_alone() as connection:
            add_revision(connection, "rl-team", source, service.clock(), by="ann")
            policy_moved(connection, "rl-team", service.now())

    return _taken(push)


def _fill(database: Database, size: int) -> None:
    chance = random.Random(7)
    snapshots = list(_snapshots(chance))
    kinds = [MachineFacts(os="Debian GNU/Linux 12", kernel=f"6.1.{number}") for number in range(_KINDS)]
    with database.writing() as connection:
        for snapshot in snapshots:
            contents.add_snapshot(connection, digest_of(snapshot), snapshot)
        documents = [{"digest": digest_of(each), "document": msgspec.json.encode(each)} for each in kinds]
        connection.execute(schema.facts.insert(), documents)
    digests = [digest_of(each) for each in snapshots]
    for start in range(0, size, _AT_ONCE):
        machines, environments = [], []
        for number in range(start, min(start + _AT_ONCE, size)):
            machine = f"{chance.getrandbits(128):032x}"
            held = Records(
                records=tuple(
                    _record(f"/home/user{number}/project{place}/.venv", number, digest)
                    for place, digest in enumerate(chance.sample(digests, _ENVIRONMENTS))
                ),
                facts=kinds[number % _KINDS],
            )
            machines.append(_machine_row(machine, number, held))
            environments += [_environment_row(machine, record) for record in held.records]
        with database.writing() as connection:
            connection.execute(schema.machines.insert(), machines)
            connection.execute(schema.environments.insert(), environments)


def _snapshots(chance: random.Random) -> Iterator[Snapshot]:
    """Three quarters are as the lock wants, besides one package of their own; in the others a few differ."""
    interpreter = Interpreter(
        implementation="CPython", version="3.11.7", abi="cp311", platform="linux-x86_64"
    )
    for number in range(_SNAPSHOTS):
        packages = {f"p{each:03}": "1.0" for each in range(_PACKAGES)}
        if number % 4 == 0:
            packages |= {f"p{chance.randrange(_PACKAGES):03}": "0.9" for _ in range(3)}
        packages[f"own-{number}"] = "1.0"
        yield snapshot_of(interpreter, [Package(*each) for each in packages.items()])


def _record(path: str, number: int, digest: Digest) -> EnvironmentRecord:
    return EnvironmentRecord(
        path=path,
        python=f"{path}/bin/python",
        kind="venv",
        digest=digest,
        owner=f"user{number}",
        home=f"/home/user{number}",
    )


def _machine_row(machine: str, number: int, held: Records) -> dict[str, object]:
    told = records_digest(held)
    return {
        "id": machine,
        "name": f"ws-{number:06}",
        "labels": b"{}",
        "secret_digest": digest_of_text(machine)[7:],
        "seen_at": time.time(),
        "epoch": "e1",
        "seq": 1,
        "version": "0.1.0",
        "records_digest": told,
        "told_digest": told,
        "is_incomplete": False,
        "facts_digest": digest_of(held.facts),
    }


def _environment_row(machine: str, record: EnvironmentRecord) -> dict[str, object]:
    return {
        "machine": machine,
        "path_digest": digest_of_text(record.path),
        "snapshot": record.digest,
        "record": msgspec.json.encode(record),
    }


def _size_of(database: Database, file: Path) -> int:
    with database.reading() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return sum(each.stat().st_size for each in file.parent.iterdir())


def _count(database: Database, table: sa.Table) -> int:
    with database.reading() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
