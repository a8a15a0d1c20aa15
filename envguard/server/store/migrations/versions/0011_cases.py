"""Kept verdicts, one for all environments that are judged alike."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0011"
down_revision = "0010"

_DIGEST = sa.String(71)


def upgrade(op: Operations) -> None:
    """Make the tables; a server judges into them in the background, from its start on."""
    op.create_table(
        "cases",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("key", _DIGEST, nullable=False, index=True),
        sa.Column("snapshot", _DIGEST, nullable=False, index=True),
        sa.Column("policy", sa.String(200), index=True),
        sa.Column("outcome", sa.SmallInteger, nullable=False),
        sa.Column("judged_at", sa.Double, nullable=False),
        sa.Column("due_at", sa.Double, index=True),
        sa.Column("kept", sa.LargeBinary, nullable=False),
        sa.Column("matched", sa.LargeBinary),
    )
    op.create_table(
        "standings",
        sa.Column("machine", sa.String(200), sa.ForeignKey("machines.id"), primary_key=True),
        sa.Column("worst", sa.SmallInteger),
        sa.Column("layout", sa.Integer, nullable=False, index=True),
    )
    op.create_table(
        "layouts",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("digest", _DIGEST, nullable=False),
        sa.Column("engine", sa.Integer, nullable=False),
        sa.Column("policy", sa.String(200)),
    )
    op.add_column("environments", sa.Column("case_id", sa.Integer))
    op.create_index("ix_environments_case_id", "environments", ["case_id", "machine"])
