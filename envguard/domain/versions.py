"""Versions and specifiers as PEP 440 says, asked about what *is* installed.

Rules
1. Pre-releases are allowed: what is installed is a fact, not a candidate (as ``pip check`` does).
2. A local version matches a specifier without one (PEP 440, "Version matching"): ``1.0+cu121`` meets
   ``==1.0``.
3. ``===`` compares text. Nothing else is met by a version that is not PEP 440.
4. ``packaging`` is the reference. It is asked about whatever ``domain.plain`` does not decide.
5. No version has over 200 characters, no specifier over 2,000: what is longer is text that somebody made up,
   and Python refuses numbers of over 4,300 digits.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from envguard.domain.plain import plain_allows, plain_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from packaging.specifiers import SpecifierSet

PYTHON_MINORS = range(6, 21)
"""The minor versions of Python 3 to think of."""

_PATCHES = range(40)
_VERSION_CAP = 200
_SPECIFIER_CAP = 2_000


@lru_cache(maxsize=16384)
def allows(specifier: str, version: str) -> bool:
    """Whether an installed version meets a specifier set such as ``>=1.26,<2``.

    Raises ``packaging.specifiers.InvalidSpecifier`` for a specifier that is none; formats refuse those first.
    """
    answer = plain_allows(specifier, version)
    return _reference_allows(specifier, version) if answer is None else answer


@lru_cache(maxsize=16384)
def is_version(text: str) -> bool:
    """Whether the text is a PEP 440 version."""
    if plain_version(text) is not None:
        return True
    if len(text) > _VERSION_CAP:
        return False
    from packaging.version import InvalidVersion, Version

    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def newest_first(versions: Iterable[str]) -> list[str]:
    """Answer versions in their order, the newest first; after them by their text what are none."""
    from packaging.version import Version

    texts = sorted(set(versions))
    real = sorted((each for each in texts if is_version(each)), key=Version, reverse=True)
    return [*real, *(each for each in texts if not is_version(each))]


def is_specifier(text: str) -> bool:
    """Whether the text is a PEP 440 specifier set that asks something."""
    from packaging.specifiers import InvalidSpecifier

    try:
        return bool(_specifiers(text))
    except InvalidSpecifier:
        return False


def pin(version: str) -> str:
    """Answer the specifier that a locked version stands for: text where it is not PEP 440."""
    return f"=={version}" if is_version(version) else f"==={version}"


def patches_of(minor: int) -> Iterator[str]:
    """Yield the patch releases of Python ``3.MINOR`` to think of."""
    return (f"3.{minor}.{patch}" for patch in _PATCHES)


def _reference_allows(specifier: str, version: str) -> bool:
    parsed = _specifiers(specifier)
    if is_version(version):
        return parsed.contains(version, prereleases=True)
    parts = [part.strip() for part in specifier.split(",") if part.strip()]
    return all(
        part.startswith("===") and part[3:].strip().lower() == version.strip().lower() for part in parts
    )


@lru_cache(maxsize=4096)
def _specifiers(text: str) -> SpecifierSet:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if len(text) > _SPECIFIER_CAP:
        raise InvalidSpecifier("too long to be one")
    return SpecifierSet(text)
