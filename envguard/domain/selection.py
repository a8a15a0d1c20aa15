"""The part of a lock that one environment must have, and the part that it may have.

Rules
1. Markers are evaluated for the environment that was scanned. Every marker variable of PEP 508 is passed, so
   that none is filled in from the interpreter that envguard runs in.
2. A lock whose ``requires-python`` or ``environments`` exclude the environment selects nothing: it says why.
3. Two entries of one name that both apply are an ambiguity (PEP 751, "Installation"), never a silent choice.
4. What only extras and groups ask for that nobody chose may be there, and then as the lock has it. So may
   what is only constrained.
5. An entry that leaves its version open means the one that a constraint has here; where none has one, the
   lock gives no answer.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

import msgspec
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import InvalidSpecifier
from packaging.version import InvalidVersion

from envguard.domain.constraints import Contradiction, constrained, joined
from envguard.domain.environment import Interpreter
from envguard.domain.facts import MachineFacts
from envguard.domain.lock import Dependency, Lock, LockChoice, LockedPackage
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
    unmet = _unmet_python(lock, markers)
    if unmet is not None:
        return WrongPython(unmet)
    groups = lock.default_groups if choice.groups is None else choice.groups
    chosen = _Place(markers, frozenset(choice.extras), frozenset(groups), lock.project)
    try:
        constraints = _constraints(lock, chosen)
        required = _constrained(_single(_applying(lock, chosen)), constraints)
        missed = _missed_python(required.values(), markers)
    except _UndecidedError as undecided:
        return Ambiguous(undecided.package, undecided.reason)
    if missed is not None:
        return WrongPython(missed)
    only_constrained = {name: joined(each) for name, each in constraints.items() if each}
    return Selected(required, _optional(lock, markers, required, only_constrained))


def marker_values(interpreter: Interpreter, facts: MachineFacts) -> dict[str, str]:
    """Answer all marker variables of a scanned environment; what is not known of it is empty text."""
    kernel = {"platform_release": facts.kernel, "platform_version": facts.kernel_version}
    known = {**interpreter.markers, **kernel}
    return {name: known.get(name, "") for name in MARKER_VARIABLES}


class _Place(msgspec.Struct, frozen=True):
    """What markers are asked about."""

    markers: Mapping[str, str]
    extras: frozenset[str]
    groups: frozenset[str]
    project: str | None


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
        if not package.only_constrains and _applies(package, place):
            yield package


def _constraints(lock: Lock, place: _Place) -> _Candidates:
    """The constraints that hold here, by name; of a name that is constrained elsewhere only, none."""
    found: dict[str, list[LockedPackage]] = {}
    for package in lock.packages:
        if package.only_constrains:
            holding = found.setdefault(package.name, [])
            if _applies(package, place):
                holding.append(package)
    return {name: tuple(packages) for name, packages in found.items()}


def _applies(package: LockedPackage, place: _Place) -> bool:
    return package.marker is None or _holds_for(package.name, package.marker, place)


def _constrained(required: Mapping[str, LockedPackage], constraints: _Candidates) -> dict[str, LockedPackage]:
    try:
        return {
            name: constrained(package, constraints[name]) if name in constraints else package
            for name, package in required.items()
        }
    except Contradiction as error:
        raise _UndecidedError(error.package, error.reason) from error


def _reached(lock: Lock, place: _Place) -> Iterator[LockedPackage]:
    """The entries of a graph that the chosen roots reach; an entry comes again with each of its extras."""
    by_name: dict[str, list[LockedPackage]] = defaultdict(list)
    for package in lock.packages:
        by_name[package.name].append(package)
    waiting = [root.dependency for root in lock.roots or () if _is_chosen(root.extra, root.group, place)]
    seen: set[tuple[int, str]] = set()
    while waiting:
        dependency = waiting.pop()
        if dependency.marker is not None and not _holds_for(dependency.name, dependency.marker, place):
            continue
        for package in _meant(dependency, by_name.get(dependency.name, ()), place):
            for extra in ("", *dependency.extras):
                if (id(package), extra) in seen:
                    continue
                seen.add((id(package), extra))
                waiting += package.extra_dependencies.get(extra, ()) if extra else package.dependencies
            yield package


def _is_chosen(extra: str | None, group: str | None, place: _Place) -> bool:
    return extra in place.extras if extra is not None else group is None or group in place.groups


def _meant(
    dependency: Dependency, entries: Iterable[LockedPackage], place: _Place
) -> tuple[LockedPackage, ...]:
    """The entries that a dependency means: one, where the lock is sound."""
    found = [each for each in entries if dependency.version in (None, each.version)]
    if len(found) > 1:
        found = [each for each in found if _applies(each, place)]
    if len(found) > 1 and dependency.specifier:
        specifier = dependency.specifier
        found = [each for each in found if each.version is not None and allows(specifier, each.version)]
    if not found:
        raise _UndecidedError(dependency.name, _NONE)
    return tuple(found)


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


def _optional(
    lock: Lock, markers: Mapping[str, str], required: Mapping[str, LockedPackage], constraints: _Candidates
) -> _Candidates:
    """What the lock has for other choices, and what it only constrains."""
    found = {**constraints, **_of_other_choices(lock, markers)}
    return {name: packages for name, packages in found.items() if name not in required}


def _of_other_choices(lock: Lock, markers: Mapping[str, str]) -> _Candidates:
    if not lock.extras and not lock.groups:
        return {}
    everything = _Place(markers, frozenset(lock.extras), frozenset(lock.groups), lock.project)
    try:
        return _applying(lock, everything)
    except _UndecidedError:
        return {}


def _unmet_python(lock: Lock, markers: Mapping[str, str]) -> str | None:
    if not _python_meets(lock.requires_python, markers):
        return lock.requires_python
    nothing = _Place(markers, frozenset(), frozenset(), None)
    if lock.environments and not any(_holds(marker, nothing) for marker in lock.environments):
        return " or ".join(lock.environments)
    return None


def _python_meets(specifier: str | None, markers: Mapping[str, str]) -> bool:
    return specifier is None or allows(specifier, markers["python_full_version"])


def _holds_for(name: str, marker: str, place: _Place) -> bool:
    try:
        return _holds(marker, place)
    except _UNDECIDABLE as error:
        raise _UndecidedError(name, f"its marker cannot be decided here: {error}") from error


def _holds(marker: str, place: _Place) -> bool:
    values: dict[str, str | frozenset[str]] = {
        **place.markers,
        "extras": place.extras,
        "dependency_groups": place.groups,
    }
    return _marker(_without_conflicts(marker, place)).evaluate(values, context="lock_file")


def _without_conflicts(marker: str, place: _Place) -> str:
    """The marker with uv's words for a choice replaced by what always, or never, holds."""
    if "extra" not in marker or not _CONFLICT.search(marker):
        return marker
    project = place.project or ""
    prefix = f"{len(project)}-{project}"
    active = {f"extra-{prefix}-{extra}" for extra in place.extras}
    active |= {f"group-{prefix}-{group}" for group in place.groups} | {f"project-{prefix}"}

    def decided(match: re.Match[str]) -> str:
        is_met = (match[2] in active) is (match[1] == "==")
        return f"python_version {'>=' if is_met else '<'} '0'"

    return _CONFLICT.sub(decided, marker)


@lru_cache(maxsize=4096)
def _marker(text: str) -> Marker:
    return Marker(text)
