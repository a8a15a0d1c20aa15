"""Who speaks with a machine's identity."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0008"
down_revision = "0007"


def upgrade(op: Operations) -> None:
    """Add the column."""
    op.add_column("machines", sa.Column("speakers", sa.Text))
