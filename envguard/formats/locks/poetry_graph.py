"""The graph of a ``poetry.lock`` before format 2.1: what the project asks for, and what each entry needs.

Rules
1. It starts from what the ``pyproject.toml`` beside the lock asks for. Without that file from every entry
   that is not optional, and from what the lock's extras name: what the project itself said of versions and
   environments is not known then.
2. What an entry needs for one of its extras says so in its marker.
3. Of several entries of one name the constraint chooses, then the Pythons that an entry is for.
4. Tools that Poetry kept out of its locks (setuptools, pip) are asked for by nobody.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from envguard.domain.locks.lock import Dependency, Root
from envguard.domain.requirements import normalised_name
from envguard.formats.locks.poetry_constraints import is_allowed, python_marker, specifiers
from envguard.formats.locks.poetry_markers import all_of, of_an_extra, written
from envguard.formats.locks.poetry_project import MAIN, PoetryProject, each_needed
from envguard.formats.locks.poetry_shapes import Entry, Needed
from envguard.formats.locks.toml import TomlProblems

_NAME = re.compile(r"[A-Za-z0-9._-]+")
_NEVER_LOCKED = frozenset({"distribute", "pip", "setuptools", "wheel"})


class NumberedEntry(NamedTuple):
    """An entry, its normalised name, and which of the entries it is."""

    entry: Entry
    name: str
    table: tuple[str, int]


class Graph:
    """The entries, and how one asks for another."""

    def __init__(self, entries: Sequence[NumberedEntry], problems: TomlProblems) -> None:
        """Take all entries; what is wrong with a marker of theirs is noted."""
        self._entries = entries
        self._problems = problems
        self._versions: dict[str, list[str]] = defaultdict(list)
        for each in entries:
            self._versions[each.name].append(each.entry.version)

    def is_one_of_several(self, name: str) -> bool:
        """Whether the name alone does not tell an entry."""
        return len(self._versions.get(name, ())) > 1

    def needs(self, numbered: NumberedEntry) -> tuple[Dependency, ...]:
        """Answer what an entry asks for by itself."""
        return tuple(self._needs(numbered, None))

    def needs_of_extras(self, numbered: NumberedEntry) -> dict[str, tuple[Dependency, ...]]:
        """Answer what an entry asks for besides, by its extras."""
        return {
            normalised_name(extra): tuple(self._needs(numbered, extra)) for extra in numbered.entry.extras
        }

    def roots(self, project: PoetryProject | None, extras: Mapping[str, frozenset[str]]) -> tuple[Root, ...]:
        """Answer what the graph starts from; ``extras`` has what each extra of the project asks for."""
        return tuple(self._roots_of_entries(extras) if project is None else self._asked(project, extras))

    def _needs(self, numbered: NumberedEntry, extra: str | None) -> Iterator[Dependency]:
        entry, _, table = numbered
        meant = None if extra is None else normalised_name(extra)
        of_extra = {_name_in(text) for text in entry.extras[extra]} if extra is not None else None
        for text, wish in entry.dependencies.items():
            name = self._problems.name(text, "dependencies", table)
            if name not in self._versions and name in _NEVER_LOCKED:
                continue
            for needed in each_needed(wish):
                self._problems.marker(written(needed.markers), f"dependencies.{text}", table)
                if not needed.optional if of_extra is None else needed.optional and name in of_extra:
                    yield self._dependency(name, needed, meant)

    def _asked(self, project: PoetryProject, extras: Mapping[str, frozenset[str]]) -> Iterator[Root]:
        for asked in project.asks:
            dependency = self._dependency(asked.name, asked.needed, None)
            if asked.group != MAIN:
                yield Root(dependency, group=asked.group)
            elif asked.extra is not None:
                yield Root(dependency, extra=asked.extra)
            elif not asked.needed.optional:
                yield Root(dependency)
            else:
                yield from (
                    Root(dependency, extra=extra) for extra, names in extras.items() if asked.name in names
                )

    def _roots_of_entries(self, extras: Mapping[str, frozenset[str]]) -> Iterator[Root]:
        for entry, name, _ in self._entries:
            if not entry.optional:
                yield Root(Dependency(name), group=None if entry.category == MAIN else entry.category)
        for extra, names in extras.items():
            yield from (Root(Dependency(name), extra=extra) for name in sorted(names))

    def _dependency(self, name: str, needed: Needed, extra: str | None) -> Dependency:
        platform = f"sys_platform == '{needed.platform}'" if needed.platform else None
        python = python_marker(needed.python or "")
        specifier, source = self._which(name, needed.version or "")
        return Dependency(
            name,
            specifier=specifier,
            extras=tuple(map(normalised_name, needed.extras)),
            marker=all_of([of_an_extra(written(needed.markers), extra), python, platform]),
            source=source,
        )

    def _which(self, name: str, constraint: str) -> tuple[str | None, str | None]:
        """Of several entries of a name the specifier, or else the only one that the constraint leaves."""
        if not self.is_one_of_several(name):
            return None, None
        fitting = [version for version in self._versions[name] if is_allowed(constraint, version)]
        wanted = specifiers(constraint)
        if len(fitting) == 1:
            return None, fitting[0]
        return wanted[0] if len(wanted) == 1 else None, None


def _name_in(requirement: str) -> str:
    """The name in what an extra asks for: ``pyglet (==1.5)``."""
    found = _NAME.match(requirement)
    return normalised_name(found[0]) if found else ""
