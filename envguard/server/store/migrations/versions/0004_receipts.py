"""Receipts of runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0004"
down_revision = "0003"


def upgrade(op: Operations) -> None:
    """Make the table."""
    op.create_table(
        "receipts",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("key", sa.String(32), nullable=False, unique=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("machine", sa.String(200), sa.ForeignKey("machines.id"), index=True),
        sa.Column("machine_name", sa.String(200), nullable=False),
        sa.Column("person", sa.String(200), nullable=False),
        sa.Column("policy", sa.String(200)),
        sa.Column("snapshot", sa.String(71)),
        sa.Column("started_at", sa.Double, nullable=False, index=True),
        sa.Column("received_at", sa.Double, nullable=False),
        sa.Column("is_ended", sa.Boolean, nullable=False),
        sa.Column("exit_code", sa.BigInteger),
        sa.Column("anyway", sa.Text),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
