"""How large the database is."""

from __future__ import annotations

import sqlalchemy as sa


def size_bytes(connection: sa.Connection) -> int:
    """Answer what it takes on its disk, without what waits in SQLite's log."""
    if connection.dialect.name == "sqlite":
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        return int(pages) * int(connection.exec_driver_sql("PRAGMA page_size").scalar_one())
    return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
