"""How often one may try to get in: by each address, and all together.

Rules
1. Only failures count: many machines that join at once by a good string, from behind one address, may.
2. Who failed too often is told when to come back, and is not looked at before.
3. IPv6 addresses count by their network: a household has 2 ** 64 of them.
4. What is remembered is bounded. Each server process counts for itself.
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable, Collection
from threading import Lock

import msgspec
from starlette.requests import Request

from envguard.server.refusals import RefusalError

_LONGEST_HEADER = 4096


class Rate(msgspec.Struct, frozen=True):
    """So many at once, and then one each so many seconds."""

    at_once: int
    every_s: float


EACH = Rate(10, 6.0)
ALL = Rate(300, 0.2)
ADDRESSES_AT_MOST = 10_000


class Attempts:
    """Remembers who failed when."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        each: Rate = EACH,
        all_: Rate = ALL,
        at_most: int = ADDRESSES_AT_MOST,
    ) -> None:
        """Begin with nobody; ``at_most`` addresses are remembered."""
        self._clock = clock
        self._each = each
        self._all = all_
        self._at_most = at_most
        self._paid_until: OrderedDict[str, float] = OrderedDict()
        self._all_paid_until = 0.0
        self._one = Lock()

    def check(self, address: str) -> None:
        """Let pass who has not failed too often; raises RefusalError with 429."""
        with self._one:
            now_s = self._clock()
            waits = (
                _wait_s(self._paid_until.get(address, now_s), now_s, self._each),
                _wait_s(self._all_paid_until, now_s, self._all),
            )
        wait_s = max(waits)
        if wait_s > 0:
            retry_s = math.ceil(wait_s)
            what = "too many tries that failed"
            raise RefusalError(429, what, f"try again in {retry_s} s", retry_after_s=retry_s)

    def failed(self, address: str) -> None:
        """Remember that a try from there failed."""
        with self._one:
            now_s = self._clock()
            self._paid_until[address] = _paid(self._paid_until.get(address, now_s), now_s, self._each)
            self._paid_until.move_to_end(address)
            self._all_paid_until = _paid(self._all_paid_until, now_s, self._all)
            if len(self._paid_until) > self._at_most:
                self._paid_until.popitem(last=False)

    def __len__(self) -> int:
        """Of how many addresses something is remembered."""
        return len(self._paid_until)


def address_of(request: Request, proxies: Collection[str] = ()) -> str:
    """Answer from where a request comes, as one place of rule 3.

    Where a proxy of ours hands it on, that is the last address that it was given: those before it are only
    what somebody says.
    """
    host = request.client.host if request.client is not None else ""
    if host in proxies:
        told = ",".join(request.headers.getlist("x-forwarded-for"))[-_LONGEST_HEADER:]
        return _place(told.rpartition(",")[2].strip()) or host
    return _place(host) or host


def _place(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _wait_s(paid_until_s: float, now_s: float, rate: Rate) -> float:
    """How long until there is room for one more; a clock that was set back locks nobody out for long."""
    behind_s = min(paid_until_s - now_s, rate.at_once * rate.every_s)
    return behind_s - (rate.at_once - 1) * rate.every_s


def _paid(paid_until_s: float, now_s: float, rate: Rate) -> float:
    return min(max(paid_until_s, now_s) + rate.every_s, now_s + rate.at_once * rate.every_s)
