"""When to come back: the one answer for every path to the server.

Rules
1. While all is well, machines spread over the interval: each has a phase of its own, by the hash of its id,
   and varies it by 10 % of the interval.
2. After a failure the wait doubles from ``BASE_S`` up to the interval, and is between half and all of that.
3. One success takes back one step, not all: a server that comes and goes is not run over.
4. The server's Retry-After is a lower bound, up to ``RETRY_AFTER_LIMIT_S``.
"""

from __future__ import annotations

import hashlib

import msgspec

BASE_S = 5.0
"""The longest wait after the first failure."""

LEVEL_LIMIT = 16
RETRY_AFTER_LIMIT_S = 24 * 3600.0
SPREAD = 0.1


class Backoff(msgspec.Struct, frozen=True):
    """How far the waits have grown: 0 while all is well."""

    level: int = 0

    def failed(self) -> Backoff:
        """Answer the next step up."""
        return Backoff(min(self.level + 1, LEVEL_LIMIT))

    def succeeded(self) -> Backoff:
        """Answer the next step down."""
        return Backoff(max(self.level - 1, 0))


def retry_in_s(
    backoff: Backoff, *, interval_s: float, chance: float, retry_after_s: float | None = None
) -> float:
    """Answer the wait after a failure that ``backoff`` counts already; ``chance`` is even in 0 to 1."""
    longest = min(BASE_S * 2.0 ** max(backoff.level - 1, 0), interval_s)
    asked = min(max(retry_after_s or 0.0, 0.0), RETRY_AFTER_LIMIT_S)
    return asked + longest * (1.0 + chance) / 2.0


def next_in_s(machine: str, *, interval_s: float, now_s: float, chance: float) -> float:
    """Answer the wait for the machine's next turn: about one interval, at its own phase."""
    wait = (phase_s(machine, interval_s) - now_s) % interval_s
    if wait < interval_s / 2:
        wait += interval_s
    return wait + (2.0 * chance - 1.0) * SPREAD * interval_s


def phase_s(machine: str, interval_s: float) -> float:
    """Answer the machine's place within the interval: the same at each start, evenly spread over machines."""
    number = int.from_bytes(hashlib.sha256(machine.encode()).digest()[:8], "big")
    return number / 2.0**64 * interval_s
