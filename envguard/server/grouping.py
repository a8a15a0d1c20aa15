"""Work that many wait for, done for all that have gathered: one commit, many acknowledgements.

Rules
1. One group is worked on at a time, in a thread of its own. What comes meanwhile is the next group: the
   longer a commit takes, the more share the next.
2. Who waits is answered after his group's work is done; where it failed, nobody of it is acknowledged.
3. So many may wait and no more: who comes then is told at once, before memory grows.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Value = TypeVar("Value")

GROUP_AT_MOST = 500
WAITING_AT_MOST = 2000


class FullError(Exception):
    """As many wait already as may."""


class Group(Generic[Item, Result]):
    """Gathers items, and hands them on together."""

    def __init__(
        self,
        work: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        at_once: int = GROUP_AT_MOST,
        waiting: int = WAITING_AT_MOST,
    ) -> None:
        """``work`` answers one result for each item; what it raises, each of the group raises."""
        self._work = work
        self._at_once = at_once
        self._limit = waiting
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._lock = threading.Lock()
        self._is_busy = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="envguard-group")

    @property
    def waiting(self) -> int:
        """How many wait for the next group."""
        return len(self._waiting)

    async def result_of(self, item: Item) -> Result:
        """Answer what came of an item, once its group is done; raises FullError, and as the work does."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        with self._lock:
            if len(self._waiting) >= self._limit:
                raise FullError
            self._waiting.append((item, future))
            is_first, self._is_busy = not self._is_busy, True
        if is_first:
            self._thread.submit(self._run)
        return await future

    def close(self) -> None:
        """Finish what waits; nothing may come after it."""
        self._thread.shutdown(wait=True)

    def _run(self) -> None:
        while group := self._next():
            self._do(group)

    def _do(self, group: list[tuple[Item, asyncio.Future[Result]]]) -> None:
        futures = [future for _, future in group]
        try:
            results = self._work([item for item, _ in group])
        except Exception as error:  # noqa: BLE001 - theirs who wait: each of them raises it
            _settle([(future, error) for future in futures], _fail)
        else:
            _settle(list(zip(futures, results, strict=True)), _succeed)

    def _next(self) -> list[tuple[Item, asyncio.Future[Result]]]:
        with self._lock:
            size = min(len(self._waiting), self._at_once)
            self._is_busy = size > 0
            return [self._waiting.popleft() for _ in range(size)]


def _settle(
    pairs: list[tuple[asyncio.Future[Result], Value]],
    act: Callable[[list[tuple[asyncio.Future[Result], Value]]], None],
) -> None:
    """Tell those who wait, in the loops in which they do; one that is over waits no more."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Result], Value]]] = {}
    for pair in pairs:
        loops.setdefault(pair[0].get_loop(), []).append(pair)
    for loop, own in loops.items():
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(act, own)


def _succeed(pairs: list[tuple[asyncio.Future[Result], Result]]) -> None:
    for future, result in pairs:
        if not future.done():
            future.set_result(result)


def _fail(pairs: list[tuple[asyncio.Future[Result], Exception]]) -> None:
    for future, error in pairs:
        if not future.done():
            future.set_exception(error)
