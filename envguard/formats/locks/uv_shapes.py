"""``uv.lock`` as uv writes it: its tables as types. Keys that nothing here reads are left out."""

from __future__ import annotations

import msgspec


class Source(msgspec.Struct, frozen=True):
    """Where an entry comes from: one of these is told."""

    registry: str | None = None
    git: str | None = None
    url: str | None = None
    path: str | None = None
    directory: str | None = None
    editable: str | None = None
    virtual: str | None = None
    subdirectory: str | None = None

    def words(self) -> str:
        """Answer the source as one text that tells it from others."""
        told = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return " ".join(f"{name}={value}" for name, value in told if value is not None)

    @property
    def location(self) -> str | None:
        """The folder or the local file that is meant, as uv writes it."""
        return self.path or self.directory or self.editable

    @property
    def is_folder_in_use(self) -> bool:
        """Whether it is imported from where it lies, or not installed at all."""
        return self.editable is not None or self.virtual is not None


class File(msgspec.Struct, frozen=True):
    """A file of an index, by its URL; of a folder, by its path; of a direct source, by its name."""

    url: str | None = None
    path: str | None = None
    filename: str | None = None
    hash: str | None = None


class Needed(msgspec.Struct, frozen=True):
    """What an entry asks for, as it was resolved."""

    name: str
    version: str | None = None
    source: Source | None = None
    extra: tuple[str, ...] = ()
    marker: str | None = None


class Asked(msgspec.Struct, frozen=True):
    """What a script, or a workspace whose root is no project, asks for."""

    name: str
    extras: tuple[str, ...] = ()
    marker: str | None = None


class Metadata(msgspec.Struct, frozen=True, rename="kebab"):
    """What the graph need not show: extras and groups that ask for nothing."""

    provides_extras: tuple[str, ...] = ()
    requires_dev: dict[str, object] = {}


class Entry(msgspec.Struct, frozen=True, rename="kebab"):
    """One ``[[package]]``."""

    name: str
    source: Source
    version: str | None = None
    resolution_markers: tuple[str, ...] = ()
    default_groups: str | tuple[str, ...] | None = None
    dependencies: tuple[Needed, ...] = ()
    optional_dependencies: dict[str, tuple[Needed, ...]] = {}
    dev_dependencies: dict[str, tuple[Needed, ...]] = {}
    metadata: Metadata = Metadata()
    sdist: File | None = None
    wheels: tuple[File, ...] = ()


class Manifest(msgspec.Struct, frozen=True, rename="kebab"):
    """What is the whole workspace's, or a script's."""

    members: tuple[str, ...] = ()
    requirements: tuple[Asked, ...] = ()
    dependency_groups: dict[str, tuple[Asked, ...]] = {}
    default_groups: str | tuple[str, ...] | None = None


class Excluded(msgspec.Struct, frozen=True):
    """One of what exclude each other; with neither extra nor group it is the package itself."""

    package: str | None = None
    extra: str | None = None
    group: str | None = None


class Head(msgspec.Struct, frozen=True, rename="kebab"):
    """The file, its entries unread."""

    version: int
    requires_python: str
    supported_markers: tuple[str, ...] = ()
    conflicts: tuple[tuple[Excluded, ...], ...] = ()
    manifest: Manifest = Manifest()
    package: tuple[object, ...] = ()
