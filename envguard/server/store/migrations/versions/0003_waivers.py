"""Waivers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0003"
down_revision = "0002"


def upgrade(op: Operations) -> None:
    """Make the table."""
    op.create_table(
        "waivers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("policy", sa.String(200), nullable=False),
        sa.Column("package", sa.String(200), nullable=False),
        sa.Column("machine", sa.String(200), sa.ForeignKey("machines.id")),
        sa.Column("environment", sa.Text),
        sa.Column("kind", sa.String(40)),
        sa.Column("until", sa.Double, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("state", sa.String(10), nullable=False, index=True),
        sa.Column("asked_by", sa.String(200), nullable=False),
        sa.Column("asked_at", sa.Double, nullable=False),
        sa.Column("decided_by", sa.String(200)),
        sa.Column("decided_at", sa.Double),
        sa.Column("decided_why", sa.Text),
        sa.Column("ended_by", sa.String(200)),
        sa.Column("ended_at", sa.Double),
        sa.Column("ended_why", sa.Text),
    )
