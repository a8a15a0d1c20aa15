"""The entries of a lock's graph that the chosen roots reach.

Rules
1. An entry is followed once, and once for each of its extras that is asked for.
2. Where several entries fit what one asks for, the one is meant that another one asks for plainly.
3. uv's words for a choice name the extras and groups that are chosen, and the extras that what is reached
   asks for, as ``uv sync`` counts them: the way is gone again until no new word was met.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from envguard.domain.locks.lock import Dependency, Lock, LockedPackage, Root
from envguard.domain.locks.markers import Place, UndecidedError, applies, holds_for
from envguard.domain.versions import allows

_NONE = "the lock asks for it, and has no entry of it that applies here"


def reached_entries(lock: Lock, place: Place) -> list[LockedPackage]:
    """The entries of a graph that the chosen roots reach."""
    roots = [root for root in lock.roots or () if _is_chosen(root.extra, root.group, place)]
    by_name: dict[str, list[LockedPackage]] = defaultdict(list)
    for package in lock.packages:
        by_name[package.name].append(package)
    words = frozenset(word_for_choice(root) for root in roots) if lock.has_conflicts else frozenset()
    while True:
        walk = _Walk(by_name, place.with_words(words), has_conflicts=lock.has_conflicts)
        walk.follow([root.dependency for root in roots])
        if not lock.has_conflicts or walk.words <= words:
            return walk.reached()
        words |= walk.words


class _Walk:
    """One way through a graph: an entry is followed once, and once for each of its extras."""

    def __init__(
        self, by_name: Mapping[str, list[LockedPackage]], place: Place, *, has_conflicts: bool
    ) -> None:
        self._by_name = by_name
        self._place = place
        self._has_conflicts = has_conflicts
        self._found: dict[int, LockedPackage] = {}
        self._followed: set[tuple[int, str]] = set()
        self._open: list[tuple[Dependency, Sequence[LockedPackage]]] = []
        self.words: set[str] = set()
        """uv's words for the extras that were asked for on the way."""

    def follow(self, waiting: list[Dependency]) -> None:
        """Go where these dependencies lead."""
        while waiting:
            while waiting:
                waiting += self._step(waiting.pop())
            waiting += self._decided()

    def reached(self) -> list[LockedPackage]:
        """Answer what was reached, and of what stayed undecided all that was meant."""
        undecided = [package for _, meant in self._open for package in meant]
        return [package for package in (*self._found.values(), *undecided) if not package.is_virtual]

    def _step(self, dependency: Dependency) -> Iterable[Dependency]:
        if not self._is_asked_for(dependency):
            return ()
        meant = _meant(dependency, self._by_name.get(dependency.name, ()), self._place)
        if len(meant) > 1:
            self._open.append((dependency, meant))
            return ()
        return self._needs(dependency, meant[0])

    def _needs(self, dependency: Dependency, package: LockedPackage) -> list[Dependency]:
        """What an entry asks for besides what was followed of it already."""
        self._found[id(package)] = package
        needs: list[Dependency] = []
        for extra in ("", *dependency.extras):
            if (id(package), extra) not in self._followed:
                self._followed.add((id(package), extra))
                needs += package.extra_dependencies.get(extra, ()) if extra else package.dependencies
        return needs

    def _decided(self) -> list[Dependency]:
        """What follows where one of several entries was reached from elsewhere meanwhile."""
        still_open, needs = [], []
        for dependency, meant in self._open:
            reached = [package for package in meant if id(package) in self._found]
            if len(reached) == 1:
                needs += self._needs(dependency, reached[0])
            else:
                still_open.append((dependency, meant))
        self._open = still_open
        return needs

    def _is_asked_for(self, dependency: Dependency) -> bool:
        place = self._place
        words: set[str] = set()
        if self._has_conflicts and dependency.extras:
            words = {word_for_extra(dependency.name, extra) for extra in dependency.extras}
            place = place if words <= place.words else place.with_words(place.words | words)
        if dependency.marker is not None and not holds_for(dependency.name, dependency.marker, place):
            return False
        self.words |= words
        return True


def word_for_choice(root: Root) -> str:
    """Answer uv's word for the choice by which a root counts."""
    member = root.member or ""
    if root.extra is not None:
        return word_for_extra(member, root.extra)
    return f"project-{len(member)}-{member}" if root.group is None else _tagged("group", member, root.group)


def word_for_extra(package: str, extra: str) -> str:
    """Answer uv's word for an extra of a package."""
    return _tagged("extra", package, extra)


def entries_meant(dependency: Dependency, entries: Sequence[LockedPackage]) -> Sequence[LockedPackage]:
    """Answer the entries of a name that a dependency can mean, whatever the environment."""
    if len(entries) == 1 and dependency.version is None and dependency.source is None:
        return entries
    return [
        each
        for each in entries
        if dependency.version in (None, each.version) and dependency.source in (None, each.source)
    ]


def fits(dependency: Dependency, entry: LockedPackage) -> bool:
    """Whether the versions that are asked for are this entry's; where none are asked for, all are."""
    if not dependency.specifier:
        return True
    return entry.version is not None and allows(dependency.specifier, entry.version)


def _tagged(kind: str, package: str, name: str) -> str:
    return f"{kind}-{len(package)}-{package}-{name}"


def _is_chosen(extra: str | None, group: str | None, place: Place) -> bool:
    return extra in place.extras if extra is not None else group is None or group in place.groups


def _meant(dependency: Dependency, entries: Sequence[LockedPackage], place: Place) -> Sequence[LockedPackage]:
    """The entries that a dependency can mean: one, where it says enough."""
    found = entries_meant(dependency, entries)
    if len(found) > 1:
        found = [each for each in found if applies(each, place)]
    if len(found) > 1:
        found = [each for each in found if fits(dependency, each)]
    if not found:
        raise UndecidedError(dependency.name, _NONE)
    return found
