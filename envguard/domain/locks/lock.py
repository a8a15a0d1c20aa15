"""A lock: the exact package closure that a policy wants, in the form that all lock formats are told in.

Rules
1. A *flat* lock says of each entry when it applies, by PEP 751's markers: besides PEP 508's variables they
   know ``extras`` and ``dependency_groups``. Formats with groups of their own are told in these words.
2. A *graph* says what the project asks for (its roots) and what each entry needs; an entry applies where a
   chosen root reaches it.
3. Entries of conda's are told by conda's names, which need not be those of Python's distributions.
4. An entry that only constrains asks for nothing: it says which version another entry means that leaves it
   open, and of what nobody asked for, how it must be where it is there.
"""

# No postponed annotations: decoding would compile each of their texts, 2 % of a cold `check`.
from typing import Literal

import msgspec

from envguard.domain.environment import Digest, Origin
from envguard.domain.versions import allows, pin

Ecosystem = Literal["python", "conda"]
"""Whose name an entry has, and who installs it."""


class Artifact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file from which the lock lets an entry be installed."""

    filename: str
    """Empty where the lock tells only its digest."""
    digests: tuple[str, ...] = ()
    """Such as ``sha256:`` and hexadecimal digits; none where the lock has none."""


class Dependency(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the project, or an entry, asks for."""

    name: str
    """Normalised (PEP 503)."""
    version: str | None = None
    """Of several entries of this name the one of this version; None: not said."""
    specifier: str | None = None
    """Of several entries of this name those in these versions; None: not said."""
    extras: tuple[str, ...] = ()
    """The extras of what is asked for."""
    marker: str | None = None
    """When it is asked for; None: always."""
    source: str | None = None
    """Of several entries of this name and version the one of this source; None: not said."""


class Root(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the project itself asks for, always or for one of its extras or groups."""

    dependency: Dependency
    extra: str | None = None
    group: str | None = None
    member: str | None = None
    """Who asks, where several do: the normalised name of a project of the workspace."""


class LockedPackage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of a lock."""

    name: str
    """Normalised (PEP 503); of conda's, as conda has it."""
    version: str | None = None
    """None where the lock names a folder or a repository and leaves the version to it."""
    marker: str | None = None
    """When this entry applies; None: always. In a graph: among several of its name."""
    requires_python: str | None = None
    specifier: str | None = None
    """What is asked of the version where the lock has no exact one."""
    build: str | None = None
    """Conda's build string, which may be a pattern with ``*``; None asks for none."""
    ecosystem: Ecosystem = "python"
    origin: Origin | None = None
    """Where it must come from; None where the lock takes it from an index, or does not say."""
    source: str | None = None
    """What tells it from another entry of its name and version, in the lock's own words."""
    location: str | None = None
    """The folder or the local file that it comes from, relative to the lock's own folder."""
    subdirectory: str | None = None
    """Where in its repository or archive the package lies; None: at the top."""
    is_virtual: bool = False
    """It is never installed itself: only what it asks for is."""
    artifacts: tuple[Artifact, ...] = ()
    dependencies: tuple[Dependency, ...] = ()
    extra_dependencies: dict[str, tuple[Dependency, ...]] = {}
    """What each of its extras asks for besides."""
    only_constrains: bool = False
    """Asks for nothing: a line of a constraints file. Only in flat locks."""

    @property
    def is_pin(self) -> bool:
        """Whether it says by itself which version is meant, or where that is to be found."""
        return self.version is not None or self.origin is not None

    def allows(self, version: str) -> bool:
        """Whether an installed version is one that the entry means."""
        if self.version is None:
            return self.specifier is None or allows(self.specifier, version)
        return version == self.version or allows(pin(self.version), version)


class Chosen(msgspec.Struct, frozen=True):
    """An extra or a dependency group of the project's, as something that is chosen."""

    kind: Literal["extra", "group"]
    name: str


class Lock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole lock, for all the environments that it was made for."""

    packages: tuple[LockedPackage, ...]
    digest: Digest
    """The sha256 of the lock's text; where further files belong to it, of all of them."""
    requires_python: str | None = None
    environments: tuple[str, ...] = ()
    """Markers, of which one must hold; empty: no restriction."""
    extras: tuple[str, ...] = ()
    """All the extras that can be chosen, normalised."""
    groups: tuple[str, ...] = ()
    """All the dependency groups that can be chosen, normalised."""
    default_groups: tuple[str, ...] = ()
    """The dependency groups that are installed when nobody chooses (PEP 751)."""
    roots: tuple[Root, ...] | None = None
    """What a graph starts from; None: the lock is flat."""
    project: str | None = None
    """The normalised name of the project that the lock was made for, where it says so."""
    has_conflicts: bool = False
    """Some of the extras and groups exclude each other, and markers say by uv's words which of them hold."""
    exclusive: tuple[tuple[Chosen, ...], ...] = ()
    """Of each of these one can be chosen at a time."""


class LockChoice(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which of a lock's extras and groups the environments of a policy must have."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None
    """None: the lock's default groups."""


class LeftOut(msgspec.Struct, frozen=True):
    """What has no place in a lock that is written, and why."""

    name: str
    version: str | None
    reason: str
