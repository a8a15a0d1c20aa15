"""What a broken machine sends beside its check-ins, and what it must be told."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Literal

import msgspec

from benchmarks.swarm.exchange import request
from benchmarks.swarm.machines import Machine
from envguard.domain.environment import Interpreter, snapshot_of
from envguard.wire import RunMessage, ToldRun

Fault = Literal["torn body", "wrong digest", "replay", "number", "skewed clock"]

TOLD: dict[Fault, int] = {
    "torn body": 400,
    "wrong digest": 400,
    "replay": 409,
    "number": 400,
    "skewed clock": 200,
}
"""Each fault, and the status of the right answer."""

_OLD = Interpreter(implementation="CPython", version="2.7.18", abi="cp27", platform="linux-x86_64")
_OTHER = snapshot_of(_OLD, ())
_A_YEAR = timedelta(days=365)


def broken(machine: Machine, fault: Fault) -> bytes:
    """Answer what this machine sends after a check-in that was taken."""
    match fault:
        case "torn body":
            return request("POST", "checkin", b'{"protocol": 1, "epo', secret=machine.secret)
        case "wrong digest":
            body = msgspec.json.encode(_OTHER)
            return request("PUT", f"snapshots/{next(iter(machine.snapshots))}", body, secret=machine.secret)
        case "replay":
            return machine.checkin_of(machine.seq - 1)
        case "number":
            return machine.checkin_of(2**63)
        case "skewed clock":
            run = ToldRun(
                kind="run",
                id=f"run-{machine.seq}",
                receipt="",
                command=("python", "train.py"),
                folder="/home/ann/rl",
                start=datetime.now(timezone.utc) + _A_YEAR,
            )
            told = RunMessage(
                key=f"{hash(machine.said) & (2**127 - 1):032x}",
                person="ann",
                machine=machine.name,
                is_of_sender=True,
                run=run,
            )
            return request("POST", "receipts", msgspec.json.encode(told), secret=machine.secret)
