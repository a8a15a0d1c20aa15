"""Which revision the tables of a database have; asked at every start, so alembic is not needed for it."""

from __future__ import annotations

import sqlalchemy as sa

from envguard.errors import StateError
from envguard.server.store.schema import (
    HEAD,
    alembic_version,
    metadata,
    migration_positions,
    schema_version,
)

_LAST_WITHOUT_ALEMBIC = 5


def revision_of(connection: sa.Connection) -> str | None:
    """Answer the revision of the tables; None where there are none yet.

    Servers from before alembic counted their tables' versions, which are the first revisions.
    """
    found = sa.inspect(connection)
    if found.has_table(alembic_version.name):
        marked: str | None = connection.scalar(sa.select(alembic_version.c.version_num))
        if marked is not None:
            return marked
    if not found.has_table(schema_version.name):
        return None
    counted: int | None = connection.scalar(sa.select(sa.func.max(schema_version.c.version)))
    return None if counted is None else f"{counted:04}"


def refuse_unknown(revision: str | None, newest: str, place: str) -> None:
    """Raise StateError where the tables are of a later revision than the newest that this version has."""
    if revision is None or (revision.isdecimal() and revision <= newest):
        return
    if not revision.isdecimal():
        raise StateError(
            f"another program keeps its tables in this database: revision {revision}",
            where=place,
            hint="give envguard a database of its own",
        )
    raise StateError(
        f"the database was written by a newer envguard: revision {revision}, not {newest}",
        where=place,
        hint="pip install --upgrade envguard",
    )


def is_whole(connection: sa.Connection) -> bool:
    """Whether nothing remains to be done for this version's tables."""
    if revision_of(connection) != HEAD:
        return False
    return connection.scalar(sa.select(migration_positions.c.revision).limit(1)) is None


def make_tables(connection: sa.Connection) -> None:
    """Make the tables of this version in an empty database: what the chain of revisions makes, in one go."""
    metadata.create_all(connection)
    alembic_version.create(connection, checkfirst=True)
    connection.execute(schema_version.delete())
    connection.execute(schema_version.insert().values(version=_LAST_WITHOUT_ALEMBIC + 1))
    connection.execute(alembic_version.delete())
    connection.execute(alembic_version.insert().values(version_num=HEAD))
