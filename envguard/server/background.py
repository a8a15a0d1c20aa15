"""The background in which what waits is judged: of several servers on one database, one does it.

Rules
1. It works in batches, and rests as long as each took: half of a core at most, and others write in between.
2. It holds a lease. Who pushes, or decides about a waiver, judges a while too, without one: a batch is a
   transaction beside which no other judges, so the lease only spares doing it twice.
3. What is due is in the database alone: a server that was killed, or another, goes on with the next batch.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from envguard.log import get_log
from envguard.server.judging import begin_judging, judge_batch
from envguard.server.service import Service
from envguard.server.store.leases import Holder

LEASE = "judging"
_HELD_S = 30.0
_RENEWED_EVERY_S = 10.0
IDLE_S = 1.0
"""Between looks while nothing waits, each a few questions by an index."""
_NOT_MINE_S = 5.0
_AFTER_FAILURE_S = 10.0

_log = get_log(__name__)


class Background:
    """The judging of one process, where it is the one."""

    def __init__(self, service: Service, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Nothing is judged before the first look."""
        self._service = service
        self._monotonic = monotonic
        self._holder = Holder(service.database)
        self._renew_at = 0.0
        self._has_begun = False

    def look(self) -> float:
        """Judge a batch, where this process may; answer for how long to rest then, in seconds."""
        began_at = self._monotonic()
        try:
            if not self._has_begun:
                begin_judging(self._service)
                self._has_begun = True
            if not self._is_mine(began_at):
                return _NOT_MINE_S
            return self._monotonic() - began_at if judge_batch(self._service) else IDLE_S
        except SQLAlchemyError as error:
            _log.warning("judging_failed", error=type(error).__name__)
        except Exception as error:  # noqa: BLE001 - what one version cannot judge must not end it for the others
            _log.error("judging_failed", error=type(error).__name__)
        return _AFTER_FAILURE_S

    def stop(self) -> None:
        """Let another process have it."""
        try:
            self._holder.stop()
        except SQLAlchemyError as error:  # it ends by itself
            _log.warning("judging_not_given_back", error=type(error).__name__)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            rest_s = await asyncio.to_thread(self.look)
            await asyncio.sleep(rest_s)

    def _is_mine(self, now: float) -> bool:
        if now < self._renew_at:
            return True
        if self._holder.hold(LEASE, for_s=_HELD_S) is None:
            return False
        self._renew_at = now + _RENEWED_EVERY_S
        return True
