"""``poetry.lock`` as Poetry writes it: its tables as types. Keys that nothing here reads are left out."""

from __future__ import annotations

import msgspec


class File(msgspec.Struct, frozen=True):
    """A file of an entry."""

    file: str
    hash: str | None = None


class Source(msgspec.Struct, frozen=True):
    """Where an entry comes from, if not from the usual index."""

    type: str
    url: str = ""
    resolved_reference: str | None = None
    subdirectory: str | None = None

    @property
    def location(self) -> str | None:
        """The folder or the local file that is meant, as Poetry writes it."""
        return self.url if self.type in ("directory", "file") and self.url else None


class Needed(msgspec.Struct, frozen=True):
    """What an entry, or the project, asks for: the table form."""

    version: str | None = None
    python: str | None = None
    platform: str | None = None
    markers: str | None = None
    extras: tuple[str, ...] = ()
    optional: bool = False


Wish = str | Needed | tuple[str | Needed, ...]
"""A constraint, a table, or several for different environments."""


class Entry(msgspec.Struct, frozen=True, rename="kebab"):
    """One ``[[package]]``."""

    name: str
    version: str
    category: str = "main"
    optional: bool = False
    develop: bool = False
    python_versions: str = "*"
    groups: tuple[str, ...] = ("main",)
    markers: str | dict[str, str] = ""
    dependencies: dict[str, Wish] = {}
    extras: dict[str, tuple[str, ...]] = {}
    source: Source | None = None
    files: tuple[File, ...] = ()


class Metadata(msgspec.Struct, frozen=True, rename="kebab"):
    """What the lock is."""

    lock_version: str
    python_versions: str = "*"
    files: dict[str, tuple[File, ...]] = {}


class Head(msgspec.Struct, frozen=True):
    """The file, its entries unread."""

    metadata: Metadata
    extras: dict[str, tuple[str, ...]] = {}
    package: tuple[object, ...] = ()
