"""The first tables: tokens, machines, their environments, snapshots, policies, comparisons."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0001"
down_revision = None

_DIGEST = sa.String(71)
_SECRET = sa.String(64)


def upgrade(op: Operations) -> None:
    """Make them."""
    op.create_table("schema_version", sa.Column("version", sa.Integer, primary_key=True))
    _tokens(op)
    _machines(op)
    _documents(op)


def _tokens(op: Operations) -> None:
    op.create_table(
        "admin_tokens",
        sa.Column("digest", _SECRET, primary_key=True),
        sa.Column("made_at", sa.Double, nullable=False),
    )
    op.create_table(
        "join_tokens",
        sa.Column("digest", _SECRET, primary_key=True),
        sa.Column("made_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("uses_left", sa.Integer, nullable=False),
    )
    op.create_table(
        "sessions",
        sa.Column("digest", _SECRET, primary_key=True),
        sa.Column("token_digest", _SECRET, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
    )


def _machines(op: Operations) -> None:
    op.create_table(
        "machines",
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False, unique=True),
        sa.Column("labels", sa.LargeBinary, nullable=False),
        sa.Column("secret_digest", _SECRET, nullable=False, unique=True),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.Column("epoch", sa.String(200)),
        sa.Column("seq", sa.BigInteger),
        sa.Column("version", sa.String(200)),
        sa.Column("records_digest", _DIGEST),
        sa.Column("facts_digest", _DIGEST),
    )
    op.create_table(
        "past_epochs",
        sa.Column("machine", sa.String(200), sa.ForeignKey("machines.id"), primary_key=True),
        sa.Column("epoch", sa.String(200), primary_key=True),
    )
    op.create_table(
        "environments",
        sa.Column("machine", sa.String(200), sa.ForeignKey("machines.id"), primary_key=True),
        sa.Column("path_digest", _DIGEST, primary_key=True),
        sa.Column("snapshot", _DIGEST, nullable=False, index=True),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.Column("matched", sa.LargeBinary),
    )


def _documents(op: Operations) -> None:
    for name in ("facts", "snapshots"):
        op.create_table(
            name,
            sa.Column("digest", _DIGEST, primary_key=True),
            sa.Column("document", sa.LargeBinary, nullable=False),
        )
    op.create_table(
        "policies",
        sa.Column("name", sa.String(200), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        sa.Column("lock_revision", sa.Integer),
        sa.Column("digest", _DIGEST, nullable=False),
        sa.Column("pushed_at", sa.Double, nullable=False),
        sa.Column("source", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "comparisons",
        sa.Column("snapshot", _DIGEST, primary_key=True),
        sa.Column("facts", _DIGEST, primary_key=True),
        sa.Column("policy", _DIGEST, primary_key=True),
        sa.Column("lock", sa.String(71), primary_key=True),
        sa.Column("engine", sa.Integer, primary_key=True),
        sa.Column("findings", sa.LargeBinary, nullable=False),
    )
