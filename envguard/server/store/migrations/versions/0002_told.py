"""What a machine told last, and whether its look was cut off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0002"
down_revision = "0001"


def upgrade(op: Operations) -> None:
    """Add the columns."""
    op.add_column("machines", sa.Column("told_digest", sa.String(71)))
    is_incomplete = sa.Column("is_incomplete", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("machines", is_incomplete)
