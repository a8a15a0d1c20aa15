"""What the commands that look after a server's database print."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

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


class BackupDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/backup/1"):
    """``server backup --json``: what was kept, and where."""

    file: str
    made_at: datetime
    """What was acknowledged before is in it."""
    database: str
    """Where that is, without a password."""
    kind: Literal["sqlite", "postgresql"]
    revision: str
    size_bytes: int
    parts: tuple[str, ...]


class RestoreDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/restore/1"
):
    """``server restore --json``: what was made of a backup."""

    state: str
    database: str
    made_at: datetime
    """When the backup was begun: what came later is not here."""
    revision: str
    """Of the tables; an older one is brought up by the next start."""
    aside: str | None
    """Where the files are that were there before; null: there were none."""


class PrunedKind(msgspec.Struct, frozen=True, kw_only=True):
    """What is superseded of one kind."""

    kind: str
    why: str
    rows: int
    size_bytes: int
    """Of their documents."""


class PruneDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/prune/1"):
    """``server prune --json``: what went, or with ``--dry-run`` what would go."""

    database: str
    kinds: tuple[PrunedKind, ...]
    is_dry_run: bool
