"""A lock that is a graph, told flat: each entry with the marker under which it is reached.

Rules
1. The flat lock selects for each environment, extras and groups just what the graph does
   (``domain.locks.graph`` walks it; here all its walks are made at once).
2. Where the graph gives no answer as two entries of a name are meant, both apply in the flat lock as well.
   Where it gives none as it lacks an entry, the flat lock lacks it too: no environment that it was made for
   comes there.
3. What nothing reaches, and what is virtual, is left out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from envguard.domain.locks.conditions import ALWAYS, NEVER, Comparison, Condition, Conditions
from envguard.domain.locks.graph import entries_meant, fits, word_for_choice, word_for_extra
from envguard.domain.locks.lock import Dependency, Lock, LockedPackage, Root

_WORD = re.compile(r'"((?:extra|group|project)-\d+-[^"]*)"')
"""uv's words for a choice, as in ``domain.locks.markers``."""

_Node = tuple[int, str]
"""Which of the entries, and which extra of it; empty: the entry itself."""
_Words = Mapping[str, Condition]


def flattened(lock: Lock) -> Lock:
    """Answer the same lock without a graph; a flat one as it is. Raises TooManyConditionsError."""
    if lock.roots is None:
        return lock
    conditions = Conditions()
    reached = _reached(lock, lock.roots, conditions)
    packages = tuple(
        msgspec.structs.replace(
            package,
            marker=conditions.marker(reached[index]),
            source=None,
            dependencies=(),
            extra_dependencies={},
        )
        for index, package in enumerate(lock.packages)
        if reached.get(index, NEVER) != NEVER and not package.is_virtual
    )
    return msgspec.structs.replace(lock, packages=packages, roots=None, has_conflicts=False)


def _reached(lock: Lock, roots: Sequence[Root], conditions: Conditions) -> dict[int, Condition]:
    """When each entry is reached. uv's words are met on the way: it is gone until there is no new one."""
    words: dict[str, Condition] = {}
    for root in roots if lock.has_conflicts else ():
        word = word_for_choice(root)
        words[word] = conditions.either(words.get(word, NEVER), _when_chosen(root, conditions))
    while True:
        spread = _Spread(lock, conditions, words)
        reached = spread.from_roots(roots)
        joined = {
            word: conditions.either(words.get(word, NEVER), met) for word, met in spread.words_met.items()
        }
        if all(words.get(word, NEVER) == met for word, met in joined.items()):
            return reached
        words = {**words, **joined}


def _when_chosen(root: Root, conditions: Conditions) -> Condition:
    if root.extra is not None:
        return conditions.of(Comparison(f'"{root.extra}"', "in", "extras"))
    if root.group is not None:
        return conditions.of(Comparison(f'"{root.group}"', "in", "dependency_groups"))
    return ALWAYS


class _Share(NamedTuple):
    """One of the entries that a dependency can mean."""

    place: int
    """Which of the lock's entries."""
    alone: Condition
    """When it is the only one that is meant."""
    among: Condition
    """When it is one of several that stay possible."""


class _Spread:
    """All ways through a graph: when each entry, and each extra of it, is reached."""

    def __init__(self, lock: Lock, conditions: Conditions, words: _Words) -> None:
        self._packages = lock.packages
        self._has_conflicts = lock.has_conflicts
        self._conditions = conditions
        self._words = words
        self._by_name: dict[str, list[LockedPackage]] = defaultdict(list)
        self._index = {id(package): index for index, package in enumerate(lock.packages)}
        for package in lock.packages:
            self._by_name[package.name].append(package)
        self._reached: dict[_Node, Condition] = {}
        self._waiting: dict[_Node, None] = {}
        self._open: dict[int, tuple[Condition, tuple[_Share, ...], tuple[str, ...]]] = {}
        self._shares: dict[int, tuple[_Share, ...]] = {}
        self._markers: dict[str, Condition] = {}
        self.words_met: dict[str, Condition] = {}
        """uv's words for the extras that are asked for on the way, and when."""

    def from_roots(self, roots: Sequence[Root]) -> dict[int, Condition]:
        """Answer when each entry is reached, by its place in the lock."""
        for root in roots:
            self._ask(root.dependency, _when_chosen(root, self._conditions))
        while self._waiting:
            while self._waiting:
                node = next(iter(self._waiting))
                del self._waiting[node]
                for dependency in self._needs(node):
                    self._ask(dependency, self._reached[node])
            self._ask_open_ones()
        found = {index: when for (index, extra), when in self._reached.items() if not extra}
        for index, when in self._undecided():
            found[index] = self._conditions.either(found.get(index, NEVER), when)
        return found

    def _needs(self, node: _Node) -> Sequence[Dependency]:
        package = self._packages[node[0]]
        return package.extra_dependencies.get(node[1], ()) if node[1] else package.dependencies

    def _ask(self, dependency: Dependency, when: Condition) -> None:
        own = self._own_words(dependency)
        if dependency.marker is not None:
            when = self._conditions.both(when, self._holds(dependency.marker, own))
        if when == NEVER:
            return
        for word in own:
            self.words_met[word] = self._conditions.either(self.words_met.get(word, NEVER), when)
        shares = self._shares_of(dependency)
        for share in shares:
            self._reach(share.place, ("", *dependency.extras), self._conditions.both(when, share.alone))
        if any(share.among != NEVER for share in shares):
            before = self._open.get(id(dependency), (NEVER, (), ()))[0]
            joined = self._conditions.either(before, when)
            self._open[id(dependency)] = (joined, shares, dependency.extras)

    def _reach(self, index: int, extras: Sequence[str], when: Condition) -> None:
        for extra in extras:
            node = (index, extra)
            before = self._reached.get(node, NEVER)
            joined = self._conditions.either(before, when)
            if joined != before:
                self._reached[node] = joined
                self._waiting[node] = None

    def _ask_open_ones(self) -> None:
        """Of what stays possible the one is meant that is reached from elsewhere: so are its extras then."""
        for when, shares, extras in list(self._open.values()):
            for share in shares:
                here = self._conditions.both(when, share.among)
                elsewhere = self._conditions.both(here, self._reached.get((share.place, ""), NEVER))
                self._reach(share.place, extras, elsewhere)

    def _undecided(self) -> Iterator[tuple[int, Condition]]:
        """What is meant, and stays one of several: none of them is reached from elsewhere."""
        both, either = self._conditions.both, self._conditions.either
        for when, shares, _ in self._open.values():
            decided = NEVER
            for share in shares:
                decided = either(decided, both(share.among, self._reached.get((share.place, ""), NEVER)))
            left = both(when, self._conditions.no(decided))
            for share in shares:
                yield share.place, both(left, share.among)

    def _own_words(self, dependency: Dependency) -> frozenset[str]:
        if not self._has_conflicts:
            return frozenset()
        return frozenset(word_for_extra(dependency.name, extra) for extra in dependency.extras)

    def _holds(self, marker: str, own: frozenset[str]) -> Condition:
        if not self._has_conflicts:
            return self._conditions.of_marker(marker)
        return self._conditions.of_marker(marker, lambda comparison: self._word_holds(comparison, own))

    def _word_holds(self, comparison: Comparison, own: frozenset[str]) -> Condition | None:
        word = _WORD.fullmatch(comparison.right) if comparison.left == "extra" else None
        if word is None or comparison.operator not in ("==", "!="):
            return None
        holds = ALWAYS if word[1] in own else self._words.get(word[1], NEVER)
        return holds if comparison.operator == "==" else self._conditions.no(holds)

    def _shares_of(self, dependency: Dependency) -> tuple[_Share, ...]:
        known = self._shares.get(id(dependency))
        if known is None:
            entries = entries_meant(dependency, self._by_name.get(dependency.name, ()))
            known = self._shares[id(dependency)] = tuple(self._split(dependency, entries))
        return known

    def _split(self, dependency: Dependency, entries: Sequence[LockedPackage]) -> Iterator[_Share]:
        """When an entry is the one that is meant: alone by its marker, else by the versions asked for."""
        if len(entries) == 1:
            yield _Share(self._index[id(entries[0])], ALWAYS, NEVER)
            return
        both, no = self._conditions.both, self._conditions.no
        applying = [self._applies(entry) for entry in entries]
        fitting = [fits(dependency, entry) for entry in entries]
        for position, entry in enumerate(entries):
            others = self._any(applying[:position] + applying[position + 1 :])
            fitting_others = self._any(
                when for place, when in enumerate(applying) if place != position and fitting[place]
            )
            here = applying[position]
            among = both(here, both(others, fitting_others)) if fitting[position] else NEVER
            by_version = both(here, both(others, no(fitting_others))) if fitting[position] else NEVER
            alone = self._conditions.either(both(here, no(others)), by_version)
            yield _Share(self._index[id(entry)], alone, among)

    def _applies(self, entry: LockedPackage) -> Condition:
        return ALWAYS if entry.marker is None else self._holds(entry.marker, frozenset())

    def _any(self, conditions: Iterator[Condition] | Sequence[Condition]) -> Condition:
        found = NEVER
        for condition in conditions:
            found = self._conditions.either(found, condition)
        return found
