"""What ``policy new`` and ``policy import`` wrote, as JSON."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from envguard.domain.locks.lock import LeftOut, Lock
from envguard.runs.founding import Role


class WrittenPart(msgspec.Struct, frozen=True):
    """One file."""

    path: str
    role: Role


class NewDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/new/1"):
    """``policy new --json``: the policy that was made, and the files that were written."""

    name: str
    environment: str | None
    """The environment that the policy was made from; null for a template."""
    lock: str | None
    """The lock that the policy names, relative to its own folder."""
    marker: str | None
    """The file that names the policy for the project; null where nothing does."""
    files: tuple[WrittenPart, ...]
    left_out: tuple[LeftOut, ...]
    """Packages of the environment that the lock does not have, and why."""
    notes: tuple[str, ...]
    dry_run: bool
    """True: nothing was written."""


class ImportDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/import/1"):
    """``policy import --json``: the lock that was written."""

    lock: str
    """What was read."""
    file: str
    """What was written."""
    packages: int
    left_out: tuple[LeftOut, ...]
    """What has no place in a pylock.toml, and why."""
    dry_run: bool
    """True: nothing was written."""


def import_document(
    lock: str, file: str, written: Lock, left_out: Sequence[LeftOut], *, is_dry_run: bool
) -> ImportDocument:
    """Answer what an import wrote."""
    return ImportDocument(
        lock=lock, file=file, packages=len(written.packages), left_out=tuple(left_out), dry_run=is_dry_run
    )
