"""Groups that are a format's own, told in the words of PEP 751's markers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import msgspec

from envguard.domain.locks.lock import LockedPackage

_Condition = tuple[str | None, str | None]
"""A group, None for always, and the marker that must hold as well."""


def grouped(entries: Iterable[tuple[str | None, LockedPackage]]) -> Iterator[LockedPackage]:
    """Yield entries that come each with its group, None for always.

    What is wanted alike in several groups, or under several markers, is one entry: two that apply at once
    would be an ambiguity.
    """
    found: dict[tuple[object, ...], tuple[LockedPackage, list[_Condition]]] = {}
    for group, package in entries:
        wanted = (package.version, package.specifier, package.build, package.origin, package.artifacts)
        key = (package.ecosystem, package.name, *wanted)
        found.setdefault(key, (package, []))[1].append((group, package.marker))
    for package, conditions in found.values():
        yield msgspec.structs.replace(package, marker=_marker(dict.fromkeys(conditions)))


def _marker(conditions: Collection[_Condition]) -> str | None:
    """The marker of an entry that holds under any of these conditions."""
    if (None, None) in conditions:
        return None
    parts = [
        _in_words(group, marker)
        for group, marker in conditions
        if group is None or (None, marker) not in conditions
    ]
    return parts[0] if len(parts) == 1 else " or ".join(f"({part})" for part in parts)


def _in_words(group: str | None, marker: str | None) -> str:
    chosen = f'"{group}" in dependency_groups'
    if marker is None:
        return chosen
    return marker if group is None else f"{chosen} and ({marker})"
