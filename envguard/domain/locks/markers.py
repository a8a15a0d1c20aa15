"""What a lock's markers say of one place: an environment, with the extras and groups that were chosen.

Rules
1. Markers are PEP 508's, with PEP 751's ``extras`` and ``dependency_groups``. Plain ones are decided without
   ``packaging``; each is asked once.
2. uv's words for a choice (``extra-3-foo-cpu``) hold where that choice was made.
3. A marker that cannot be decided leaves the lock without an answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.locks.lock import LockedPackage
from envguard.domain.plain_markers import plain_holds

if TYPE_CHECKING:
    from packaging.markers import Marker

_CONFLICT = r"""extra\s*(==|!=)\s*['"]((?:extra|group|project)-\d+-[^'"]*)['"]"""
"""How uv tells in a marker that a choice excludes another: the kind, the length of a name, the name, the
chosen extra or group."""


class Place(msgspec.Struct, frozen=True):
    """What markers are asked about."""

    markers: Mapping[str, str]
    extras: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    """uv's words for what is chosen."""
    known: dict[str, bool] = {}
    """The answers so far, by marker: a lock repeats the same few."""

    def with_words(self, words: frozenset[str]) -> Place:
        """Answer the same place where these of uv's words hold."""
        return Place(self.markers, self.extras, self.groups, words)


class UndecidedError(Exception):
    """The lock gives no one answer; caught before ``select`` ends."""

    def __init__(self, package: str | None, reason: str) -> None:
        super().__init__(reason)
        self.package = package
        self.reason = reason


def applies(package: LockedPackage, place: Place) -> bool:
    """Whether an entry's own marker holds here. Raises UndecidedError."""
    return package.marker is None or holds_for(package.name, package.marker, place)


def holds_for(name: str | None, marker: str, place: Place) -> bool:
    """Whether a marker holds here; ``name`` is the package that it is about. Raises UndecidedError."""
    try:
        return _holds(marker, place)
    except _UndecidableError as error:
        whose = "its" if name is not None else "the lock's"
        raise UndecidedError(name, f"{whose} marker cannot be decided here: {error}") from error


def _holds(marker: str, place: Place) -> bool:
    if marker not in place.known:
        place.known[marker] = _evaluated(_without_conflicts(marker, place.words), place)
    return place.known[marker]


class _UndecidableError(Exception):
    """The reference gives no answer; its words say why."""


def _evaluated(marker: str, place: Place) -> bool:
    plain = plain_holds(marker, place.markers)
    return _reference_holds(marker, place) if plain is None else plain


def _reference_holds(marker: str, place: Place) -> bool:
    from packaging.markers import InvalidMarker, UndefinedComparison, UndefinedEnvironmentName
    from packaging.specifiers import InvalidSpecifier
    from packaging.version import InvalidVersion

    values: dict[str, str | frozenset[str]] = {
        **place.markers,
        "extras": place.extras,
        "dependency_groups": place.groups,
    }
    try:
        return _marker(marker).evaluate(values, context="lock_file")
    except (
        InvalidMarker,
        InvalidSpecifier,
        InvalidVersion,
        UndefinedComparison,
        UndefinedEnvironmentName,
    ) as error:
        raise _UndecidableError(str(error)) from error


def _without_conflicts(marker: str, words: frozenset[str]) -> str:
    """The marker with uv's words for a choice replaced by what always, or never, holds."""
    if "extra" not in marker:
        return marker

    def decided(match: re.Match[str]) -> str:
        is_met = (match[2] in words) is (match[1] == "==")
        return f"python_version {'>=' if is_met else '<'} '0'"

    return re.sub(_CONFLICT, decided, marker)


@lru_cache(maxsize=4096)
def _marker(text: str) -> Marker:
    from packaging.markers import Marker

    return Marker(text)
