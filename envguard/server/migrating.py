"""``server migrate``: what a database lacks, and bringing it up while somebody watches."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec
import sqlalchemy as sa

from envguard.report.upkeep import MigrationDocument, MigrationStep
from envguard.server.state import open_existing
from envguard.server.store.migrations.chain import Chain, Revision, shipped
from envguard.server.store.migrations.running import Report, Unfinished, bring_up, unfinished
from envguard.server.store.preparing import leave
from envguard.server.store.revision import refuse_unknown, revision_of


def plan_migration(state: Path, url: str | None, chain: Chain | None = None) -> MigrationDocument:
    """Answer what a database lacks, without changing it; raises as opening it does."""
    chain = chain or shipped()
    newest = chain.revisions[-1].number
    with (
        contextlib.closing(open_existing(state, url, leave)) as database,
        database.in_words("read"),
        database.reading() as connection,
    ):
        revision = revision_of(connection)
        refuse_unknown(revision, newest, database.place)
        left = unfinished(connection)
        begun = () if left is None else (_rest(chain.revision(left.revision), left),)
        steps = tuple(_step(connection, each) for each in chain.after(revision))
        return MigrationDocument(
            database=database.told,
            revision_before=revision,
            revision=newest,
            steps=(*begun, *steps),
            is_dry_run=True,
        )


def migrate(state: Path, url: str | None, report: Report, chain: Chain | None = None) -> MigrationDocument:
    """Do all that a database lacks; ``report`` hears of each transaction. Raises as opening it does."""
    plan = plan_migration(state, url, chain)
    with contextlib.closing(open_existing(state, url, leave)) as database, database.in_words("migrated"):
        bring_up(
            database.migrating, chain or shipped(), place=database.place, permit=_anything, report=report
        )
    return msgspec.structs.replace(plan, is_dry_run=False)


def _rest(revision: Revision, left: Unfinished) -> MigrationStep:
    return MigrationStep(revision=revision.number, what=revision.what, rows=left.rows_total - left.rows_done)


def _step(connection: sa.Connection, revision: Revision) -> MigrationStep:
    return MigrationStep(revision=revision.number, what=revision.what, rows=_rows(connection, revision))


def _rows(connection: sa.Connection, revision: Revision) -> int | None:
    if revision.rows is None:
        return 0
    try:
        with connection.begin_nested():
            return revision.rows(connection)
    except sa.exc.DatabaseError:  # it counts in a table that a step ahead of it makes
        return None


def _anything(_revision: Revision, _rows: int) -> None:
    """Whoever asked for it has the time."""
