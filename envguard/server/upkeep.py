"""The chores of a server: of several on one database, one does them.

It holds a lease, which it renews at each look; when it stops the next one has it at once, when it is killed a
minute later. Another server's chores begin where its first look finds the lease free.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from envguard.log import get_log
from envguard.server.service import Service
from envguard.server.store.cases import forget_empty_cases
from envguard.server.store.ended import (
    forget_ended_join_tokens,
    forget_ended_people_tokens,
    forget_ended_secrets,
    forget_ended_sessions,
)
from envguard.server.store.leases import Holder, Lease, LeaseLostError, hold_to
from envguard.server.store.ranks import forget_old_notes

LEASE = "upkeep"
_HELD_S = 60.0
_LOOK_EVERY_S = 20.0
"""A look that fails, or comes late, does not lose the lease yet."""

_log = get_log(__name__)


class Chore(msgspec.Struct, frozen=True):
    """Something that is done again and again, in a transaction of its own."""

    name: str
    every_s: float
    do: Callable[[sa.Connection, float], None]
    """Given the server's time; what takes long comes back for more, and is done in pieces."""


CHORES = (
    Chore("rank_notes", 600.0, forget_old_notes),
    Chore("sessions", 3600.0, forget_ended_sessions),
    Chore("empty_cases", 3600.0, forget_empty_cases),
    Chore("join_tokens", 24 * 3600.0, forget_ended_join_tokens),
    Chore("people_tokens", 24 * 3600.0, forget_ended_people_tokens),
    Chore("ended_secrets", 24 * 3600.0, forget_ended_secrets),
)


class Upkeep:
    """The chores as one process does them, where it is the one."""

    def __init__(
        self,
        service: Service,
        chores: tuple[Chore, ...] = CHORES,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is done before the first look."""
        self._service = service
        self._chores = chores
        self._monotonic = monotonic
        self._holder = Holder(service.database)
        self._due_at: dict[str, float] = {}
        self._lease: Lease | None = None

    def look(self) -> None:
        """Do what is due, where this process has the lease or can have it."""
        try:
            lease = self._holder.hold(LEASE, for_s=_HELD_S)
            if lease is not None and lease != self._lease:
                _log.info("upkeep_taken", holder=lease.holder, token=lease.token)
                self._due_at = {}  # another did them, nobody knows when
            self._lease = lease
            if lease is not None:
                for chore in self._chores:
                    self._do_if_due(chore, lease)
        except LeaseLostError:
            _log.warning("upkeep_lost", hint="this server was stopped for over a minute")
        except SQLAlchemyError as error:
            _log.warning("upkeep_failed", error=type(error).__name__)

    def stop(self) -> None:
        """Let another process have the chores; a look that is under way takes them no more."""
        try:
            self._holder.stop()
        except SQLAlchemyError as error:  # it ends by itself
            _log.warning("upkeep_not_given_back", error=type(error).__name__)

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(_LOOK_EVERY_S * random.uniform(0.8, 1.2))  # noqa: S311 - not for secrets

    def _do_if_due(self, chore: Chore, lease: Lease) -> None:
        if self._monotonic() < self._due_at.get(chore.name, 0.0):
            return
        with self._service.database.writing() as connection:
            hold_to(connection, lease)
            chore.do(connection, self._service.clock())
        self._due_at[chore.name] = self._monotonic() + chore.every_s
