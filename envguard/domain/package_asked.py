"""What somebody looks for by a requirement such as ``numpy>=2``: environments that have such a package."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from envguard.domain.requirements import normalised_name
from envguard.domain.versions import allows, is_version


class PackageAsked(msgspec.Struct, frozen=True):
    """A package, and which versions of it."""

    name: str
    """Normalised."""
    specifier: str
    """Empty where any version will do, also one that is none."""

    def is_among(self, packages: Iterable[tuple[str, str]]) -> bool:
        """Whether it is one of these; each is a normalised name with a version."""
        return any(name == self.name and self._allows(version) for name, version in packages)

    def _allows(self, version: str) -> bool:
        return not self.specifier or (is_version(version) and allows(self.specifier, version))


class NotAsked(msgspec.Struct, frozen=True):
    """Why nothing can be looked for by a text."""

    reason: str


def package_asked(text: str) -> PackageAsked | NotAsked:
    """Answer what a text asks for."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        parsed = Requirement(text)
    except (InvalidRequirement, RecursionError, ValueError):  # nested deeply; a number of 5,000 digits
        return NotAsked("not a package with its versions")
    if parsed.url or parsed.marker or parsed.extras:
        return NotAsked("only a name and versions can be looked for")
    return PackageAsked(normalised_name(parsed.name), str(parsed.specifier))
