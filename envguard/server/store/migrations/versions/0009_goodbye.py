"""When a machine said goodbye."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0009"
down_revision = "0008"


def upgrade(op: Operations) -> None:
    """Add the column."""
    op.add_column("machines", sa.Column("left_at", sa.Double))
