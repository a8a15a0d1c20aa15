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
