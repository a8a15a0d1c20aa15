"""The agent's waiting: in slices, so that it hears a signal at once and tells the watchdog that it lives."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from envguard.state import notify, watchdog_interval_s

_SLICE_S = 0.5


class Stopped(BaseException):
    """The agent was asked to stop: no failure, and nothing that catches failures is to catch it."""


class Pulse:
    """Beats while the loop is alive; the watchdog hears of it only from the loop itself."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        tell: Callable[[str], bool] = notify,
        interval_s: float | None = None,
    ) -> None:
        """``interval_s`` is how often the watchdog is told; None asks the environment."""
        self._clock = clock
        self._pause = pause
        self._tell = tell
        self._interval_s = watchdog_interval_s() if interval_s is None else interval_s
        self._next_at = clock()
        self.is_stopping = False

    def beat(self) -> None:
        """Tell the watchdog if it is time; raises Stopped once the agent was asked to stop."""
        if self.is_stopping:
            raise Stopped
        if self._interval_s is not None and self._clock() >= self._next_at:
            self._tell("WATCHDOG=1")
            self._next_at = self._clock() + self._interval_s

    def sleep(self, seconds: float, *, is_over: Callable[[], bool] = lambda: False) -> bool:
        """Wait, beating meanwhile; answer whether something else came first, which ``is_over`` tells."""
        ends_at = self._clock() + seconds
        self.beat()
        while (left_s := ends_at - self._clock()) > 0:
            if is_over():
                return True
            self._pause(min(left_s, _SLICE_S))
            self.beat()
        return False

    @contextmanager
    def until_signalled(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT as the wish to stop; gives both back at the end."""

        def stop(_number: int, _frame: FrameType | None) -> None:
            self.is_stopping = True

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
