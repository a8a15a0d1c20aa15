"""What a simulated machine has and says: real records and snapshots."""

from __future__ import annotations

import random
import zlib

import msgspec

from benchmarks.swarm.exchange import request
from envguard.domain.environment import (
    Digest,
    EnvironmentRecord,
    Interpreter,
    Package,
    Snapshot,
    digest_of,
    snapshot_of,
)
from envguard.domain.facts import MachineFacts
from envguard.wire import PROTOCOL, Checkin, Records, records_digest

_FACTS = MachineFacts(os="Debian GNU/Linux 12", kernel="6.1.0")
_INTERPRETER = Interpreter(implementation="CPython", version="3.11.7", abi="cp311", platform="linux-x86_64")
_NAMES = 4000
"""Of so many packages an environment has some."""


def a_snapshot(chance: random.Random, packages: int) -> Snapshot:
    """Answer an environment of that many packages, as nobody else has it."""
    chosen = chance.sample(range(_NAMES), packages)
    found = [
        Package(f"package-{each:04d}", f"{each % 7}.{chance.randrange(90)}.{each % 3}") for each in chosen
    ]
    return snapshot_of(_INTERPRETER, found)


class Machine:
    """One machine: what it has, and the number of what it says next."""

    def __init__(
        self, number: int, secret: str, snapshots: tuple[Snapshot, ...], *, epoch: str = "1"
    ) -> None:
        """Give it an environment for each snapshot."""
        self.id = f"swarm-{number:06d}"
        self.name = f"ws-{number:06d}"
        self.secret = secret
        self.epoch = epoch
        self.seq = 0
        self.acknowledged: tuple[str, int] | None = None
        """The epoch and the number of the last check-in that the server answered."""
        self.has_reported = False
        """What it has was taken, whole."""
        self.hold(snapshots)

    def hold(self, snapshots: tuple[Snapshot, ...]) -> None:
        """Have these environments from now on."""
        self.snapshots = {digest_of(each): each for each in snapshots}
        records = tuple(_record(place, digest_of(each)) for place, each in enumerate(snapshots))
        self.records = Records(records=records, facts=_FACTS)
        self.records_digest = records_digest(self.records)

    @property
    def said(self) -> tuple[str, int]:
        """The epoch and the number of its last check-in."""
        return self.epoch, self.seq

    def checkin(self) -> bytes:
        """Answer its next check-in."""
        self.seq += 1
        return self.checkin_of(self.seq)

    def checkin_of(self, seq: int) -> bytes:
        """Answer the check-in of this number."""
        said = Checkin(
            protocol=PROTOCOL,
            epoch=self.epoch,
            seq=seq,
            records=self.records_digest,
            policies={},
            version="0.1.0",
        )
        return request("POST", "checkin", msgspec.json.encode(said), secret=self.secret)

    def put_records(self) -> bytes:
        """Answer the request that sends all its records."""
        return request("PUT", "environments", msgspec.json.encode(self.records), secret=self.secret)

    def put_snapshots(self) -> list[bytes]:
        """Answer the requests that send each of its snapshots."""
        return [
            request(
                "PUT",
                f"snapshots/{digest}",
                zlib.compress(msgspec.json.encode(snapshot)),
                secret=self.secret,
                encoding="deflate",
            )
            for digest, snapshot in self.snapshots.items()
        ]


def _record(place: int, digest: Digest) -> EnvironmentRecord:
    path = f"/home/ann/project-{place}/.venv"
    return EnvironmentRecord(path=path, python=f"{path}/bin/python", kind="venv", digest=digest)
