"""Notes of the meetings of ranks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0005"
down_revision = "0004"


def upgrade(op: Operations) -> None:
    """Make the table."""
    op.create_table(
        "rank_notes",
        sa.Column("meeting", sa.String(32), primary_key=True),
        sa.Column("name", sa.String(240), primary_key=True),
        sa.Column("author", sa.String(200), nullable=False, index=True),
        sa.Column("made_at", sa.Double, nullable=False, index=True),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )
