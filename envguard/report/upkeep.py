"""What ``server migrate`` and ``server check`` print of a server's database."""

from __future__ import annotations

import msgspec


class MigrationStep(msgspec.Struct, frozen=True, kw_only=True):
    """A revision that a database lacks, or lacked."""

    revision: str
    what: str
    rows: int | None
    """How many rows are written anew; null: not known before the steps ahead of it are done."""


class MigrationDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/migration/1"
):
    """``server migrate --json``: what was done, or with ``--dry-run`` what would be."""

    database: str
    """Where it is, without a password."""
    revision_before: str | None
    """What its tables were; null: it had none."""
    revision: str
    """What they are now, or would be."""
    steps: tuple[MigrationStep, ...]
    is_dry_run: bool


class CheckPart(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    found: str


class CheckProblem(msgspec.Struct, frozen=True):
    """What is wrong, and what to do."""

    what: str
    hint: str


class CheckedDocuments(msgspec.Struct, frozen=True):
    """How many stored documents were compared with their digests."""

    snapshots: int
    facts: int
    policies: int


class ServerCheckDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/server-check/1"
):
    """``server check --json``."""

    database: str
    """Where it is, without a password."""
    engine: str
    """Such as ``SQLite 3.45.1``."""
    revision: str | None
    """Of its tables; null: it has none."""
    parts: tuple[CheckPart, ...]
    documents: CheckedDocuments | None
    """Null: they were not looked at, because the tables are not this version's."""
    problems: tuple[CheckProblem, ...]
