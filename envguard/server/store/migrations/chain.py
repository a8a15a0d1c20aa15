"""The revisions in their order, as the files in ``versions`` say them.

A revision's file has, beside alembic's ``revision`` and ``down_revision``:

- a docstring of one line: what it brings, in words for an operator;
- ``upgrade(op)``: changes the tables, in one transaction;
- ``fill(connection, after)``, where rows must be written anew: one batch, after this position;
- ``rows(connection)``: of how many rows, as they are before ``upgrade``; a server does many not by itself;
- ``finish(op)``: changes the tables after the last batch, in its transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

VERSIONS = Path(__file__).parent / "versions"


class Filled(msgspec.Struct, frozen=True):
    """One batch of a ``fill``."""

    position: str | None
    """Where the next one begins; None: nothing remains."""
    rows: int


Fill = Callable[[sa.Connection, str], Filled]
Change = Callable[[Operations], None]


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """One link of the chain."""

    number: str
    what: str
    upgrade: Change
    fill: Fill | None
    rows: Callable[[sa.Connection], int] | None
    finish: Change | None


class Chain:
    """All revisions of a folder."""

    def __init__(self, versions: tuple[Path, ...] = (VERSIONS,)) -> None:
        """Read them."""
        folders = list(map(str, versions))
        self._directory = ScriptDirectory(str(Path(__file__).parent), version_locations=folders)
        self.revisions = tuple(map(_revision, reversed(list(self._directory.walk_revisions()))))

    def after(self, number: str | None) -> tuple[Revision, ...]:
        """Answer those that a database of this revision lacks, in their order."""
        return tuple(each for each in self.revisions if number is None or each.number > number)

    def revision(self, number: str) -> Revision:
        """Answer the one with this number."""
        return next(each for each in self.revisions if each.number == number)

    def stamp(self, connection: sa.Connection, number: str) -> None:
        """Say in the database that it has this revision."""
        MigrationContext.configure(connection).stamp(self._directory, number)


@cache
def shipped() -> Chain:
    """Answer the chain of this version, read once."""
    return Chain()


def operations(connection: sa.Connection) -> Operations:
    """Answer what a revision changes tables by."""
    return Operations(MigrationContext.configure(connection))


def _revision(script: Script) -> Revision:
    says = (script.module.__doc__ or "").rstrip(".\n")
    return Revision(
        number=script.revision,
        what=says[:1].lower() + says[1:],
        upgrade=script.module.upgrade,
        fill=getattr(script.module, "fill", None),
        rows=getattr(script.module, "rows", None),
        finish=getattr(script.module, "finish", None),
    )
