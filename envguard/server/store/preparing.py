"""What a server does to the tables at its start."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

import sqlalchemy as sa

from envguard.errors import StateError
from envguard.log import get_log
from envguard.server.store.revision import is_whole, make_tables, revision_of

if TYPE_CHECKING:
    from envguard.server.store.migrations.chain import Chain, Revision
    from envguard.server.store.migrations.running import Position

_QUICK_ROWS = 20_000
"""Rows that a server writes anew at its start, which systemd waits for; about a second."""

_log = get_log(__name__)


class Preparable(Protocol):
    """As much of a database as its tables are made by."""

    place: str

    def reading(self) -> AbstractContextManager[sa.Connection]:
        """Give a transaction that only reads."""

    def migrating(self) -> AbstractContextManager[sa.Connection]:
        """Give a transaction beside which no other of this kind runs."""


Prepare = Callable[[Preparable], None]


def make_ready(database: Preparable, chain: Callable[[], Chain] | None = None) -> None:
    """Make the tables, or bring them up where that is quick; raises StateError where it is not."""
    with database.reading() as connection:
        if is_whole(connection):
            return
    with database.migrating() as connection:
        if revision_of(connection) is None:
            make_tables(connection)
            return
    # Most starts need none of it, and it takes longer to import than the start does.
    from envguard.server.store.migrations.chain import shipped
    from envguard.server.store.migrations.running import bring_up

    bring_up(
        database.migrating,
        (chain or shipped)(),
        place=database.place,
        permit=lambda revision, rows: _permit_quick(database, revision, rows),
        report=_log_revision,
    )


def leave(_database: Preparable) -> None:
    """Take the tables as they are: for who only looks, or migrates step by step."""


def _permit_quick(database: Preparable, revision: Revision, rows: int) -> None:
    if rows > _QUICK_ROWS:
        raise StateError(
            f"the database must be migrated first: {revision.what}, {rows:,} rows",
            where=database.place,
            hint="stop all servers on it, then: envguard server migrate",
        )


def _log_revision(position: Position) -> None:
    if position.is_whole:
        _log.warning("database_migrated", revision=position.revision, what=position.what)
