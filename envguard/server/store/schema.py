"""The tables. Documents are kept as the JSON that travelled; columns are what is searched by."""

from __future__ import annotations

import sqlalchemy as sa

HEAD = "0011"
"""The newest of ``migrations/versions``, which leads to what stands here; a later database is not touched."""

metadata = sa.MetaData()

_DIGEST = sa.String(71)
_SECRET = sa.String(64)

schema_version = sa.Table("schema_version", metadata, sa.Column("version", sa.Integer, primary_key=True))
"""Where servers from before revision 0006 look. It says 6 to them for ever, and they refuse."""

alembic_version = sa.Table(
    "alembic_version",
    sa.MetaData(),  # alembic's own, which it leaves out where it compares
    sa.Column("version_num", sa.String(32), primary_key=True),
)

migration_positions = sa.Table(
    "migration_positions",
    metadata,
    sa.Column("revision", sa.String(32), primary_key=True),
    sa.Column("position", sa.Text, nullable=False),
    sa.Column("rows_done", sa.BigInteger, nullable=False),
    sa.Column("rows_total", sa.BigInteger, nullable=False),
)
"""How far the batches of a revision are; without a row they are done."""

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.String(100), primary_key=True),
    sa.Column("holder", sa.String(200)),  # null: given back
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("until", sa.Double, nullable=False),  # by the database's clock
)

admin_tokens = sa.Table(
    "admin_tokens",
    metadata,
    sa.Column("digest", _SECRET, primary_key=True),
    sa.Column("made_at", sa.Double, nullable=False),
)

join_tokens = sa.Table(
    "join_tokens",
    metadata,
    sa.Column("digest", _SECRET, primary_key=True),
    sa.Column("made_at", sa.Double, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Column("uses_left", sa.Integer, nullable=False),
    sa.Column("made_by", sa.String(200)),
    sa.Column("made_with", _SECRET),  # the digest of the token of whom made it
    sa.Column("labels", sa.LargeBinary),  # what the server calls machines that join by it
    sa.Column("needs_approval", sa.Boolean, nullable=False, server_default=sa.false()),
)

people_tokens = sa.Table(
    "people_tokens",
    metadata,
    sa.Column("digest", _SECRET, primary_key=True),
    sa.Column("person", sa.String(200), nullable=False, index=True),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("made_at", sa.Double, nullable=False),
    sa.Column("made_by", sa.String(200), nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Column("used_on", sa.Integer),  # the day, counted from the epoch
)

token_places = sa.Table(
    "token_places",
    metadata,
    sa.Column("token", _SECRET, primary_key=True),
    sa.Column("machine", sa.ForeignKey("machines.id"), primary_key=True),
)

ended_secrets = sa.Table(
    "ended_secrets",
    metadata,
    sa.Column("digest", _SECRET, primary_key=True),
    sa.Column("why", sa.String(20), nullable=False),
    sa.Column("name", sa.String(200), nullable=False),  # whose it was
    sa.Column("ended_at", sa.Double, nullable=False),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("digest", _SECRET, primary_key=True),
    sa.Column("token_digest", _SECRET, nullable=False),
    sa.Column("expires_at", sa.Double, nullable=False),
)

machines = sa.Table(
    "machines",
    metadata,
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("labels", sa.LargeBinary, nullable=False),
    sa.Column("secret_digest", _SECRET, nullable=False, unique=True),
    sa.Column("seen_at", sa.Double, nullable=False),
    sa.Column("epoch", sa.String(200)),
    sa.Column("seq", sa.BigInteger),
    sa.Column("version", sa.String(200)),
    sa.Column("records_digest", _DIGEST),
    sa.Column("told_digest", _DIGEST),
    sa.Column("is_incomplete", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("facts_digest", _DIGEST),
    sa.Column("left_at", sa.Double),  # when it last said goodbye; it holds while nothing came after
    sa.Column("speakers", sa.Text),  # JSON: who spoke last with its identity, and who before
    sa.Column("joined_with", _SECRET),  # the digest of its join token
    sa.Column("secret_at", sa.Double),  # when its secret was made
    sa.Column("next_secret_digest", _SECRET, index=True),  # offered, and not used yet
    sa.Column("retired_at", sa.Double),
)

pending_machines = sa.Table(
    "pending_machines",
    metadata,
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False, unique=True),
    sa.Column("labels", sa.LargeBinary, nullable=False),
    sa.Column("secret_digest", _SECRET, nullable=False, unique=True),
    sa.Column("joined_with", _SECRET, nullable=False),
    sa.Column("asked_at", sa.Double, nullable=False),
)

past_epochs = sa.Table(
    "past_epochs",
    metadata,
    sa.Column("machine", sa.ForeignKey("machines.id"), primary_key=True),
    sa.Column("epoch", sa.String(200), primary_key=True),
)

environments = sa.Table(
    "environments",
    metadata,
    sa.Column("machine", sa.ForeignKey("machines.id"), primary_key=True),
    sa.Column("path_digest", _DIGEST, primary_key=True),
    sa.Column("snapshot", _DIGEST, nullable=False, index=True),
    sa.Column("record", sa.LargeBinary, nullable=False),
    sa.Column("matched", sa.LargeBinary),  # from before there were cases; those know it now
    sa.Column("case_id", sa.Integer),  # null: not judged yet
    sa.Index("ix_environments_case_id", "case_id", "machine"),
)

cases = sa.Table(
    "cases",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", _DIGEST, nullable=False, index=True),
    sa.Column("snapshot", _DIGEST, nullable=False, index=True),
    sa.Column("policy", sa.String(200), index=True),  # null: no policy judges, or several would
    sa.Column("outcome", sa.SmallInteger, nullable=False),  # its place among the outcomes, 0 the worst
    sa.Column("judged_at", sa.Double, nullable=False),
    sa.Column("due_at", sa.Double, index=True),  # null: time alone changes nothing; 0: something has moved
    sa.Column("kept", sa.LargeBinary, nullable=False),
    sa.Column("matched", sa.LargeBinary),
)
"""Environments that are judged alike, each with the one verdict on all of them."""

standings = sa.Table(
    "standings",
    metadata,
    sa.Column("machine", sa.ForeignKey("machines.id"), primary_key=True),
    sa.Column("worst", sa.SmallInteger),  # of its environments' outcomes; null: not judged yet
    sa.Column("layout", sa.Integer, nullable=False, index=True),  # by which its environments got their cases
)

layouts = sa.Table(
    "layouts",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("digest", _DIGEST, nullable=False),
    sa.Column("engine", sa.Integer, nullable=False),
    sa.Column("policy", sa.String(200)),  # whose push made it; null: something else did
)
"""For whom policies and waivers are; the newest counts, and what was laid out by another is laid out anew."""

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("digest", _DIGEST, primary_key=True),
    sa.Column("document", sa.LargeBinary, nullable=False),
)

snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("digest", _DIGEST, primary_key=True),
    sa.Column("document", sa.LargeBinary, nullable=False),
)

snapshot_numbers = sa.Table(
    "snapshot_numbers",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("digest", sa.ForeignKey("snapshots.digest", ondelete="CASCADE"), nullable=False, unique=True),
    sqlite_autoincrement=True,  # no number is given again
)

package_versions = sa.Table(
    "package_versions",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("version", sa.String(200), nullable=False),
    sa.UniqueConstraint("name", "version"),
)

snapshot_packages = sa.Table(
    "snapshot_packages",
    metadata,
    sa.Column("package", sa.ForeignKey("package_versions.number"), primary_key=True),
    sa.Column("snapshot", sa.Integer, primary_key=True),
    sqlite_with_rowid=False,  # the key is all that a row has
)
"""A second index, by which a snapshot's rows could be removed, would double what a new snapshot costs. Rows
of one that is gone are found by nobody: its number is not given again."""

policies = sa.Table(
    "policies",
    metadata,
    sa.Column("name", sa.String(200), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("lock_revision", sa.Integer),
    sa.Column("digest", _DIGEST, nullable=False),
    sa.Column("pushed_at", sa.Double, nullable=False),
    sa.Column("pushed_by", sa.String(200)),
    sa.Column("source", sa.LargeBinary, nullable=False),
)

waivers = sa.Table(
    "waivers",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("policy", sa.String(200), nullable=False),
    sa.Column("package", sa.String(200), nullable=False),
    sa.Column("machine", sa.ForeignKey("machines.id")),  # by its id: a name may pass to another machine
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

rank_notes = sa.Table(
    "rank_notes",
    metadata,
    sa.Column("meeting", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(240), primary_key=True),
    sa.Column("author", sa.String(200), nullable=False, index=True),
    sa.Column("made_at", sa.Double, nullable=False, index=True),
    sa.Column("size_bytes", sa.Integer, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(32), nullable=False, unique=True),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("machine", sa.ForeignKey("machines.id"), index=True),  # null: a person's token told of it
    sa.Column("machine_name", sa.String(200), nullable=False),  # as it was told
    sa.Column("person", sa.String(200), nullable=False),
    sa.Column("policy", sa.String(200)),
    sa.Column("snapshot", _DIGEST),
    sa.Column("started_at", sa.Double, nullable=False, index=True),  # never after received_at
    sa.Column("received_at", sa.Double, nullable=False),
    sa.Column("is_ended", sa.Boolean, nullable=False),
    sa.Column("exit_code", sa.BigInteger),
    sa.Column("anyway", sa.Text),  # the reason, where it was started in spite of a verdict
    sa.Column("document", sa.LargeBinary, nullable=False),
)

comparisons = sa.Table(
    "comparisons",
    metadata,
    sa.Column("snapshot", _DIGEST, primary_key=True),
    sa.Column("facts", _DIGEST, primary_key=True),
    sa.Column("policy", _DIGEST, primary_key=True),
    sa.Column("lock", sa.String(71), primary_key=True),
    sa.Column("engine", sa.Integer, primary_key=True),
    sa.Column("findings", sa.LargeBinary, nullable=False),
)

audit = sa.Table(
    "audit",
    metadata,
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

_ONLY_ADDED_TO = {
    "sqlite": (
        """CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END""",
        """CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END""",
    ),
    "postgresql": (
        """CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit log is only added to'; END $$""",
        """CREATE TRIGGER audit_is_only_added_to BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
    ),
}
for _dialect, _statements in _ONLY_ADDED_TO.items():
    for _statement in _statements:
        _ddl = sa.DDL(_statement)  # type: ignore[no-untyped-call]  # SQLAlchemy has not typed it
        sa.event.listen(audit, "after_create", _ddl.execute_if(dialect=_dialect))

audit_head = sa.Table(
    "audit_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # there is one row
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("hash", _SECRET, nullable=False),
)
