"""Brings the tables of an older server to this version's; what they hold stays."""

from __future__ import annotations

import sqlalchemy as sa

from envguard.server.store.schema import SCHEMA_VERSION, schema_version

_STEPS: dict[int, tuple[str, ...]] = {
    2: (
        "ALTER TABLE machines ADD COLUMN told_digest VARCHAR(71)",
        "ALTER TABLE machines ADD COLUMN is_incomplete BOOLEAN DEFAULT FALSE NOT NULL",
    ),
    3: (),  # the table of waivers, which is new
    4: (),  # the table of receipts, likewise
    5: (),  # the table of the notes of meetings, likewise
}
"""What leads to each schema version from the one before, beside new tables, which are made anyway; SQL that
SQLite and PostgreSQL share."""


def migrate(connection: sa.Connection, version: int) -> None:
    """Change tables of this version, in the caller's transaction."""
    for step in range(version + 1, SCHEMA_VERSION + 1):
        for statement in _STEPS[step]:
            connection.exec_driver_sql(statement)
    connection.execute(schema_version.update().values(version=SCHEMA_VERSION))
