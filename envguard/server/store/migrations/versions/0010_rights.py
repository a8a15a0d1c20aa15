"""People's tokens, machines that wait or are retired, and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.operations import Operations

revision = "0010"
down_revision = "0009"

_SECRET = sa.String(64)
_SQLITE = (
    """CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END""",
    """CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END""",
)
_POSTGRESQL = (
    """CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit log is only added to'; END $$""",
    """CREATE TRIGGER audit_is_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
)


def upgrade(op: Operations) -> None:
    """Make tables, and columns beside those of older ones."""
    _tokens(op)
    _machines(op)
    op.add_column("policies", sa.Column("pushed_by", sa.String(200)))
    _audit(op)


def _tokens(op: Operations) -> None:
    op.add_column("join_tokens", sa.Column("made_by", sa.String(200)))
    op.add_column("join_tokens", sa.Column("made_with", _SECRET))
    op.add_column("join_tokens", sa.Column("labels", sa.LargeBinary))
    op.add_column(
        "join_tokens", sa.Column("needs_approval", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.create_table(
        "people_tokens",
        sa.Column("digest", _SECRET, primary_key=True),
        sa.Column("person", sa.String(200), nullable=False, index=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("made_at", sa.Double, nullable=False),
        sa.Column("made_by", sa.String(200), nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("used_on", sa.Integer),
    )
    op.create_table(
        "token_places",
        sa.Column("token", _SECRET, primary_key=True),
        sa.Column("machine", sa.String(200), sa.ForeignKey("machines.id"), primary_key=True),
    )
    op.create_table(
        "ended_secrets",
        sa.Column("digest", _SECRET, primary_key=True),
        sa.Column("why", sa.String(20), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("ended_at", sa.Double, nullable=False),
    )


def _machines(op: Operations) -> None:
    op.add_column("machines", sa.Column("joined_with", _SECRET))
    op.add_column("machines", sa.Column("secret_at", sa.Double))
    op.add_column("machines", sa.Column("next_secret_digest", _SECRET))
    op.create_index("ix_machines_next_secret_digest", "machines", ["next_secret_digest"])
    op.add_column("machines", sa.Column("retired_at", sa.Double))
    op.create_table(
        "pending_machines",
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False, unique=True),
        sa.Column("labels", sa.LargeBinary, nullable=False),
        sa.Column("secret_digest", _SECRET, nullable=False, unique=True),
        sa.Column("joined_with", _SECRET, nullable=False),
        sa.Column("asked_at", sa.Double, nullable=False),
    )


def _audit(op: Operations) -> None:
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at_us", sa.BigInteger, nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("act", sa.String(40), nullable=False),
        sa.Column("object", sa.Text, nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("request", sa.String(200)),
        sa.Column("previous", _SECRET, nullable=False),
        sa.Column("hash", _SECRET, nullable=False),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", _SECRET, nullable=False),
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE if is_sqlite else _POSTGRESQL:
        op.execute(statement)
