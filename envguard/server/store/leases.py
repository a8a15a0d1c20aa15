"""Leases: for what only one of several servers on one database may do.

Rules
1. A lease has one holder at most. It ends by the database's clock: those of the servers may differ.
2. Whoever takes a lease gets a token that is higher than all before it; renewing keeps the token.
3. What is written under a lease is written in a transaction that called :func:`hold_to` first: it raises
   where another has taken the lease since, and until it ends no other takes it. So a server that slept
   through its lease's end, and does not know it, writes nothing.
4. What leaves the database (a message, a file) carries the token, and who takes it in refuses a lower one.
5. A lease that ended, but that nobody else took, may be renewed.
"""

from __future__ import annotations

import os
import secrets
import socket
import threading
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec
import sqlalchemy as sa

from envguard.server.store.database import insert_once
from envguard.server.store.schema import leases


class Lease(msgspec.Struct, frozen=True):
    """What a holder has."""

    name: str
    holder: str
    token: int


class LeaseLostError(Exception):
    """Another one has taken the lease: what was begun under it must not go on."""


class Writable(Protocol):
    """As much of a database as leases need."""

    def writing(self) -> AbstractContextManager[sa.Connection]:
        """Give a transaction that writes."""


def take(connection: sa.Connection, name: str, holder: str, *, for_s: float) -> Lease | None:
    """Take a lease that nobody holds; answer None where somebody does."""
    if connection.scalar(sa.select(leases.c.name).where(leases.c.name == name)) is None:
        insert_once(connection, leases, {"name": name, "holder": None, "token": 0, "until": 0.0})
    now = _now(connection)
    is_free = leases.c.holder.is_(None) | (leases.c.until <= now)
    values = {"holder": holder, "token": leases.c.token + 1, "until": now + for_s}
    taken = connection.execute(leases.update().where(leases.c.name == name, is_free).values(values))
    if taken.rowcount == 0:
        return None
    token = connection.execute(sa.select(leases.c.token).where(leases.c.name == name)).scalar_one()
    return Lease(name, holder, token)


def renew(connection: sa.Connection, lease: Lease, *, for_s: float) -> bool:
    """Hold a lease for longer; answer whether it is still held."""
    values = {"until": _now(connection) + for_s}
    return connection.execute(leases.update().where(*_is(lease)).values(values)).rowcount == 1


def give_back(connection: sa.Connection, lease: Lease) -> None:
    """Let others take it at once."""
    connection.execute(leases.update().where(*_is(lease)).values(holder=None, until=0.0))


def any_holder(connection: sa.Connection) -> str | None:
    """Answer who holds a lease just now, whichever; None where nobody does."""
    held = leases.c.holder.is_not(None) & (leases.c.until > _now(connection))
    found: str | None = connection.scalar(sa.select(leases.c.holder).where(held).limit(1))
    return found


def hold_to(connection: sa.Connection, lease: Lease) -> None:
    """Keep others from taking the lease until this transaction ends; raises LeaseLostError where one has."""
    query = sa.select(leases.c.token).where(*_is(lease)).with_for_update()
    if connection.scalar(query) is None:
        raise LeaseLostError(lease.name)


class Holder:
    """One process as a holder of leases; may be used by several threads."""

    def __init__(self, database: Writable, name: str | None = None) -> None:
        """``name`` is unique among all processes; None: made here, with host and process in it."""
        self.name = name or f"{socket.gethostname()[:100]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._database = database
        self._held: dict[str, Lease] = {}
        self._is_over = False
        self._lock = threading.Lock()

    def hold(self, name: str, *, for_s: float) -> Lease | None:
        """Take a lease, or hold it for longer; answer None where another has it, or this one stopped."""
        with self._lock:
            return None if self._is_over else self._hold(name, for_s)

    def stop(self) -> None:
        """Let others take all that is held here, and take nothing any more."""
        with self._lock:
            self._is_over = True
            if self._held:
                with self._database.writing() as connection:
                    for lease in self._held.values():
                        give_back(connection, lease)

    def _hold(self, name: str, for_s: float) -> Lease | None:
        with self._database.writing() as connection:
            lease = self._held.pop(name, None)
            if lease is None or not renew(connection, lease, for_s=for_s):
                lease = take(connection, name, self.name, for_s=for_s)
            if lease is not None:
                self._held[name] = lease
        return lease


def _is(lease: Lease) -> tuple[sa.ColumnElement[bool], ...]:
    """While the token is the same, nobody else has had it."""
    return leases.c.name == lease.name, leases.c.token == lease.token, leases.c.holder == lease.holder


def _now(connection: sa.Connection) -> sa.ColumnElement[float]:
    """The database's clock, in seconds since the epoch; within a transaction it goes on."""
    if connection.dialect.name == "sqlite":
        return (sa.func.julianday("now", type_=sa.Double) - 2440587.5) * 86400.0
    return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Double)
