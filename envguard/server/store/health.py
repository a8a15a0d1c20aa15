"""How the database itself is."""

from __future__ import annotations

import sqlalchemy as sa

from envguard.server.store.schema import SCHEMA_VERSION, schema_version


def schema_stands_at(connection: sa.Connection) -> int | None:
    """Answer the version of the tables; None where there are none."""
    found: int | None = connection.scalar(sa.select(sa.func.max(schema_version.c.version)))
    return found


def is_schema_ours(connection: sa.Connection) -> bool:
    """Whether the tables are those that this version works with."""
    return schema_stands_at(connection) == SCHEMA_VERSION


def size_bytes(connection: sa.Connection) -> int:
    """Answer how large the database is on its disk, without what waits in SQLite's log."""
    if connection.dialect.name == "sqlite":
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())
    return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
