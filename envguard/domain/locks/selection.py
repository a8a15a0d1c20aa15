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

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress

import msgspec

from envguard.domain.environment import Interpreter
from envguard.domain.facts import MachineFacts
from envguard.domain.locks.constraints import Contradiction, constrained, joined
from envguard.domain.locks.graph import reached_entries
from envguard.domain.locks.lock import Lock, LockChoice, LockedPackage
from envguard.domain.locks.markers import Place, UndecidedError, applies, holds_for
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

    @property
    def in_words(self) -> str:
        """The reason, with the package that it is about."""
        return f"{self.package}: {self.reason}" if self.package else self.reason


Selection = Selected | WrongPython | Ambiguous


def select(lock: Lock, markers: Mapping[str, str], choice: LockChoice = DEFAULT_CHOICE) -> Selection:
    """Answer which entries of the lock an environment with these marker values must have, and may have."""
    groups = lock.default_groups if choice.groups is None else choice.groups
    chosen = Place(markers, frozenset(choice.extras), frozenset(groups))
    try:
        unmet = _unmet_python(lock, markers)
        if unmet is not None:
            return WrongPython(unmet)
        constraints = _constraints(lock, chosen)
        required = _constrained(_single(_applying(lock, chosen)), constraints)
        missed = _missed_python(required.values(), markers)
    except UndecidedError as undecided:
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


_TWO = "the lock has two entries of this name that both apply here"
_Candidates = dict[str, tuple[LockedPackage, ...]]


def _applying(lock: Lock, place: Place) -> _Candidates:
    """The entries that apply, by name; several of one name where the lock does not decide.

    A library of conda's may be called as a distribution of pip's, as graphviz is: these are two.
    """
    found: dict[str, list[LockedPackage]] = defaultdict(list)
    entries = list(_flat(lock, place) if lock.roots is None else reached_entries(lock, place))
    pythons = {package.name for package in entries if package.ecosystem == "python"}
    for package in entries:
        is_namesake = package.ecosystem == "conda" and package.name in pythons
        same = found[f"conda:{package.name}" if is_namesake else package.name]
        if package not in same:
            same.append(package)
    return {name: tuple(packages) for name, packages in found.items()}


def _flat(lock: Lock, place: Place) -> Iterator[LockedPackage]:
    for package in lock.packages:
        if not package.only_constrains and applies(package, place):
            yield package


def _constraints(lock: Lock, place: Place) -> _Candidates:
    """The constraints that hold here, by name; of a name that is constrained elsewhere only, none."""
    found: dict[str, list[LockedPackage]] = {}
    for package in lock.packages:
        if package.only_constrains:
            holding = found.setdefault(package.name, [])
            if applies(package, place):
                holding.append(package)
    return {name: tuple(packages) for name, packages in found.items()}


def _constrained(required: Mapping[str, LockedPackage], constraints: _Candidates) -> dict[str, LockedPackage]:
    try:
        return {
            name: constrained(package, constraints[name]) if name in constraints else package
            for name, package in required.items()
        }
    except Contradiction as error:
        raise UndecidedError(error.package, error.reason) from error


def _single(candidates: _Candidates) -> dict[str, LockedPackage]:
    required = {}
    for name, packages in candidates.items():
        if len(packages) > 1:
            raise UndecidedError(name, _TWO)
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
    """What the lock has for other choices; of a choice for which it gives no answer, nothing."""
    found: dict[str, dict[int, LockedPackage]] = defaultdict(dict)
    for choice in _other_choices(lock):
        place = Place(markers, frozenset(choice.extras), frozenset(choice.groups or ()))
        with suppress(UndecidedError):
            for name, packages in _applying(lock, place).items():
                found[name].update((id(package), package) for package in packages)
    return {name: tuple(each.values()) for name, each in found.items()}


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
    nothing = Place(markers)
    if lock.environments and not any(holds_for(None, marker, nothing) for marker in lock.environments):
        return " or ".join(lock.environments)
    return None


def _python_meets(specifier: str | None, markers: Mapping[str, str]) -> bool:
    return specifier is None or allows(specifier, markers["python_full_version"])
