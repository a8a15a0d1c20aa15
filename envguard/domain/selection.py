"""The part of a lock that one environment must have, and the part that it may have.

Rules
1. Markers are evaluated for the environment that was scanned. Every marker variable of PEP 508 is passed, so
   that none is filled in from the interpreter that envguard runs in.
2. A lock whose ``requires-python`` or ``environments`` exclude the environment selects nothing: it says why.
3. Two entries of one name that both apply are an ambiguity (PEP 751, "Installation"), never a silent choice.
4. What only extras and groups ask for that nobody chose may be there, and then as the lock has it.
5. Where several entries of a graph fit what one asks for, the one is meant that another one asks for plainly.
6. uv's words for a choice (``extra-3-foo-cpu``) name the extras and groups that are chosen, and the extras
   that what is reached asks for, as ``uv sync`` counts them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache

import msgspec
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import InvalidSpecifier
from packaging.version import InvalidVersion

from envguard.domain.environment import Interpreter
from envguard.domain.facts import MachineFacts
from envguard.domain.lock import Dependency, Lock, LockChoice, LockedPackage, Root
from envguard.domain.plain_markers import plain_holds
from envguard.domain.versions import allows

MARKER_VARIABLES = (
    "implementation_name",
    "implementation_version",
    "os_name",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_full_version",
    "python_version",
    "sys_platform",
)
"""PEP 508's environment markers, save ``extra``."""

DEFAULT_CHOICE = LockChoice()
"""No extra, and the lock's default groups."""


class Selected(msgspec.Struct, frozen=True):
    """What one environment must have, and what it may have."""

    packages: Mapping[str, LockedPackage]
    """By name: what must be there."""
    optional: Mapping[str, tuple[LockedPackage, ...]] = {}
    """By name: what may be there, and then as one of these entries says."""


class WrongPython(msgspec.Struct, frozen=True):
    """The lock was made for other interpreters."""

    expected: str
    """The specifier, or the markers, of which the environment meets none."""


class Ambiguous(msgspec.Struct, frozen=True):
    """The lock cannot be read as one answer for this environment."""

    package: str | None
    reason: str


Selection = Selected | WrongPython | Ambiguous


def select(lock: Lock, markers: Mapping[str, str], choice: LockChoice = DEFAULT_CHOICE) -> Selection:
    """Answer which entries of the lock an environment with these marker values must have, and may have."""
    groups = lock.default_groups if choice.groups is None else choice.groups
    chosen = _Place(markers, frozenset(choice.extras), frozenset(groups))
    try:
        unmet = _unmet_python(lock, markers)
        if unmet is not None:
            return WrongPython(unmet)
        required = _single(_applying(lock, chosen))
        missed = _missed_python(required.values(), markers)
    except _UndecidedError as undecided:
        return Ambiguous(undecided.package, undecided.reason)
    if missed is not None:
        return WrongPython(missed)
    return Selected(required, _optional(lock, markers, required))


def marker_values(interpreter: Interpreter, facts: MachineFacts) -> dict[str, str]:
    """Answer all marker variables of a scanned environment; what is not known of it is empty text."""
    kernel = {"platform_release": facts.kernel, "platform_version": facts.kernel_version}
    known = {**interpreter.markers, **kernel}
    return {name: known.get(name, "") for name in MARKER_VARIABLES}


class _Place(msgspec.Struct, frozen=True):
    """What markers are asked about."""

    markers: Mapping[str, str]
    extras: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    """uv's words for what is chosen."""
    known: dict[str, bool] = {}
    """The answers so far, by marker: a lock repeats the same few."""

    def with_words(self, words: frozenset[str]) -> _Place:
        """Answer the same place where these of uv's words hold."""
        return _Place(self.markers, self.extras, self.groups, words)


class _UndecidedError(Exception):
    """The lock gives no one answer; caught before ``select`` ends."""

    def __init__(self, package: str | None, reason: str) -> None:
        super().__init__(reason)
        self.package = package
        self.reason = reason


_UNDECIDABLE = (
    UndefinedComparison,
    UndefinedEnvironmentName,
    InvalidVersion,
    InvalidMarker,
    InvalidSpecifier,
)
_TWO = "the lock has two entries of this name that both apply here"
_NONE = "the lock asks for it, and has no entry of it that applies here"
_CONFLICT = re.compile(r"""extra\s*(==|!=)\s*['"]((?:extra|group|project)-\d+-[^'"]*)['"]""")
"""How uv tells in a marker that a choice excludes another: the kind, the length of a name, the name, the
chosen extra or group."""

_Candidates = dict[str, tuple[LockedPackage, ...]]


def _applying(lock: Lock, place: _Place) -> _Candidates:
    """The entries that apply, by name; several of one name where the lock does not decide."""
    found: dict[str, list[LockedPackage]] = defaultdict(list)
    entries = _flat(lock, place) if lock.roots is None else _reached(lock, place)
    for package in entries:
        if package not in found[package.name]:
            found[package.name].append(package)
    return {name: tuple(packages) for name, packages in found.items()}


def _flat(lock: Lock, place: _Place) -> Iterator[LockedPackage]:
    for package in lock.packages:
        if package.marker is None or _holds_for(package.name, package.marker, place):
            yield package


def _reached(lock: Lock, place: _Place) -> list[LockedPackage]:
    """The entries of a graph that the chosen roots reach."""
    roots = [root for root in lock.roots or () if _is_chosen(root.extra, root.group, place)]
    by_name: dict[str, list[LockedPackage]] = defaultdict(list)
    for package in lock.packages:
        by_name[package.name].append(package)
    words = frozenset(_word(root) for root in roots) if lock.has_conflicts else frozenset()
    while True:
        walk = _Walk(by_name, place.with_words(words), has_conflicts=lock.has_conflicts)
        walk.follow([root.dependency for root in roots])
        if not lock.has_conflicts or walk.words <= words:
            return walk.reached()
        words |= walk.words


class _Walk:
    """One way through a graph: an entry is followed once, and once for each of its extras."""

    def __init__(
        self, by_name: Mapping[str, list[LockedPackage]], place: _Place, *, has_conflicts: bool
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
            words = {_tagged("extra", dependency.name, extra) for extra in dependency.extras}
            place = place if words <= place.words else place.with_words(place.words | words)
        if dependency.marker is not None and not _holds_for(dependency.name, dependency.marker, place):
            return False
        self.words |= words
        return True


def _word(root: Root) -> str:
    member = root.member or ""
    if root.extra is not None:
        return _tagged("extra", member, root.extra)
    return f"project-{len(member)}-{member}" if root.group is None else _tagged("group", member, root.group)


def _tagged(kind: str, package: str, name: str) -> str:
    return f"{kind}-{len(package)}-{package}-{name}"


def _is_chosen(extra: str | None, group: str | None, place: _Place) -> bool:
    return extra in place.extras if extra is not None else group is None or group in place.groups


def _meant(
    dependency: Dependency, entries: Sequence[LockedPackage], place: _Place
) -> Sequence[LockedPackage]:
    """The entries that a dependency can mean: one, where it says enough."""
    if len(entries) == 1 and dependency.version is None and dependency.source is None:
        return entries
    found = [
        each
        for each in entries
        if dependency.version in (None, each.version) and dependency.source in (None, each.source)
    ]
    if len(found) > 1:
        found = [each for each in found if each.marker is None or _holds_for(each.name, each.marker, place)]
    if len(found) > 1 and dependency.specifier:
        specifier = dependency.specifier
        found = [each for each in found if each.version is not None and allows(specifier, each.version)]
    if not found:
        raise _UndecidedError(dependency.name, _NONE)
    return found


def _single(candidates: _Candidates) -> dict[str, LockedPackage]:
    required = {}
    for name, packages in candidates.items():
        if len(packages) > 1:
            raise _UndecidedError(name, _TWO)
        [required[name]] = packages
    return required


def _missed_python(packages: Iterable[LockedPackage], markers: Mapping[str, str]) -> str | None:
    for package in packages:
        if not _python_meets(package.requires_python, markers):
            return f"{package.requires_python} (for {package.name})"
    return None


def _optional(lock: Lock, markers: Mapping[str, str], required: Mapping[str, LockedPackage]) -> _Candidates:
    """What the lock has for other choices; of a choice for which it gives no answer, nothing."""
    found: dict[str, dict[int, LockedPackage]] = defaultdict(dict)
    for choice in _other_choices(lock):
        place = _Place(markers, frozenset(choice.extras), frozenset(choice.groups or ()))
        with suppress(_UndecidedError):
            for name, packages in _applying(lock, place).items():
                found[name].update((id(package), package) for package in packages)
    return {name: tuple(each.values()) for name, each in found.items() if name not in required}


def _other_choices(lock: Lock) -> Iterator[LockChoice]:
    """All at once; where some exclude each other, each by itself."""
    groups = tuple(dict.fromkeys((*lock.groups, *lock.default_groups)))
    if lock.has_conflicts:
        yield from (LockChoice(extras=(extra,), groups=()) for extra in lock.extras)
        yield from (LockChoice(groups=(group,)) for group in groups)
    elif lock.extras or groups:
        yield LockChoice(extras=lock.extras, groups=groups)


def _unmet_python(lock: Lock, markers: Mapping[str, str]) -> str | None:
    if not _python_meets(lock.requires_python, markers):
        return lock.requires_python
    nothing = _Place(markers)
    if lock.environments and not any(_holds_for(None, marker, nothing) for marker in lock.environments):
        return " or ".join(lock.environments)
    return None


def _python_meets(specifier: str | None, markers: Mapping[str, str]) -> bool:
    return specifier is None or allows(specifier, markers["python_full_version"])


def _holds_for(name: str | None, marker: str, place: _Place) -> bool:
    try:
        return _holds(marker, place)
    except _UNDECIDABLE as error:
        whose = "its" if name is not None else "the lock's"
        raise _UndecidedError(name, f"{whose} marker cannot be decided here: {error}") from error


def _holds(marker: str, place: _Place) -> bool:
    if marker not in place.known:
        place.known[marker] = _evaluated(_without_conflicts(marker, place.words), place)
    return place.known[marker]


def _evaluated(marker: str, place: _Place) -> bool:
    plain = plain_holds(marker, place.markers)
    if plain is not None:
        return plain
    values: dict[str, str | frozenset[str]] = {
        **place.markers,
        "extras": place.extras,
        "dependency_groups": place.groups,
    }
    return _marker(marker).evaluate(values, context="lock_file")


def _without_conflicts(marker: str, words: frozenset[str]) -> str:
    """The marker with uv's words for a choice replaced by what always, or never, holds."""
    if "extra" not in marker:
        return marker

    def decided(match: re.Match[str]) -> str:
        is_met = (match[2] in words) is (match[1] == "==")
        return f"python_version {'>=' if is_met else '<'} '0'"

    return _CONFLICT.sub(decided, marker)


@lru_cache(maxsize=4096)
def _marker(text: str) -> Marker:
    return Marker(text)
