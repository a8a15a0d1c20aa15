"""Two sides of any kind, and what is compared with what.

Rules
1. Two environments: their contents, the linear algebra library that numpy loads, and the facts of their
   machines, as far as both sides know them; those of two runs also what else the runs differ in.
2. A lock and an environment: the entries that apply to the environment, by its own markers.
3. Two machines: their facts, and each environment with the one of the same path. Where both have but one,
   these two are compared whatever they are called.
"""

from __future__ import annotations

import msgspec

from envguard.domain.difference import (
    ContentDifference,
    FieldDifference,
    differences,
    differences_from_lock,
    fact_differences,
    lock_differences,
    mirrored,
)
from envguard.domain.environment import Environment, EnvironmentRecord, Scan, Snapshot
from envguard.domain.facts import MachineFacts
from envguard.domain.locks.lock import Lock
from envguard.domain.locks.selection import Ambiguous, Selected, WrongPython, marker_values, select
from envguard.domain.receipt import Receipt
from envguard.domain.runs_apart import runs_apart

_UNKNOWN_MACHINE = MachineFacts(os="", kernel="")


class EnvironmentSide(msgspec.Struct, frozen=True, kw_only=True):
    """An environment, here or as it was saved."""

    given: str
    """As the command line names it."""
    snapshot: Snapshot
    record: EnvironmentRecord | None = None
    """None of a bare snapshot: where it was is not known."""
    facts: MachineFacts | None = None
    machine: str | None = None
    """The name of the machine; None for this one, or where it is not known."""
    run: Receipt | None = None
    """The run of which it is the environment."""


class LockSide(msgspec.Struct, frozen=True, kw_only=True):
    """A lock."""

    given: str
    lock: Lock


class MachineSide(msgspec.Struct, frozen=True, kw_only=True):
    """A whole machine, as a saved scan has it."""

    given: str
    machine: str
    scan: Scan


Side = EnvironmentSide | LockSide | MachineSide


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """Two contents that were compared; one that has no partner is there with None as the other."""

    a: str | None
    """The environment's path, or the lock's."""
    b: str | None
    difference: ContentDifference = ContentDifference()
    blas: FieldDifference | None = None
    not_compared: str | None = None
    """Why packages were not compared; None where they were."""

    @property
    def is_equal(self) -> bool:
        """Whether both are there and nothing differs."""
        is_whole = self.a is not None and self.b is not None and self.not_compared is None
        return is_whole and self.difference.is_empty and self.blas is None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All in which two sides differ."""

    a: Side
    b: Side
    pairs: tuple[Pair, ...]
    facts: tuple[FieldDifference, ...] = ()
    runs: tuple[FieldDifference, ...] = ()
    """In what two runs differ besides."""

    @property
    def is_equal(self) -> bool:
        """Whether the sides are equal, as far as they can be compared."""
        return not self.facts and not self.runs and all(pair.is_equal for pair in self.pairs)


class Incomparable(msgspec.Struct, frozen=True):
    """Two sides of which nothing can be said, and why."""

    reason: str


def compare_sides(a: Side, b: Side) -> Comparison | Incomparable:
    """Answer in what two sides differ; a machine is compared with machines only."""
    match a, b:
        case EnvironmentSide(), EnvironmentSide():
            runs = tuple(runs_apart(a.run, b.run)) if a.run is not None and b.run is not None else ()
            return Comparison(a=a, b=b, pairs=(_pair(a, b),), facts=_facts(a.facts, b.facts), runs=runs)
        case MachineSide(), MachineSide():
            facts = fact_differences(a.scan.facts, b.scan.facts)
            return Comparison(a=a, b=b, pairs=_of_machines(a.scan, b.scan), facts=facts)
        case LockSide(), LockSide():
            pair = Pair(a=a.given, b=b.given, difference=lock_differences(a.lock, b.lock))
            return Comparison(a=a, b=b, pairs=(pair,))
        case LockSide(), EnvironmentSide():
            found = _against_lock(a, b)
            return found if isinstance(found, Incomparable) else Comparison(a=a, b=b, pairs=(found,))
        case EnvironmentSide(), LockSide():
            found = _against_lock(b, a)
            return found if isinstance(found, Incomparable) else Comparison(a=a, b=b, pairs=(_turned(found),))
        case _:
            return Incomparable("a whole machine is compared with another one only")


def path_of(side: EnvironmentSide) -> str:
    """Answer where an environment is; of a bare snapshot, what the command line calls it."""
    return side.record.path if side.record is not None else side.given


def _pair(a: EnvironmentSide, b: EnvironmentSide) -> Pair:
    blas = _blas(a.record, b.record) if a.record is not None and b.record is not None else None
    return Pair(a=path_of(a), b=path_of(b), difference=differences(a.snapshot, b.snapshot), blas=blas)


def _blas(a: EnvironmentRecord, b: EnvironmentRecord) -> FieldDifference | None:
    """Where one side has no numpy, or does not know what it loads, there is nothing to compare."""
    if a.blas is None or b.blas is None or a.blas == b.blas:
        return None
    return FieldDifference("blas", a.blas, b.blas)


def _facts(a: MachineFacts | None, b: MachineFacts | None) -> tuple[FieldDifference, ...]:
    return fact_differences(a, b) if a is not None and b is not None else ()


def _against_lock(a: LockSide, b: EnvironmentSide) -> Pair | Incomparable:
    interpreter = b.snapshot.interpreter
    match select(a.lock, marker_values(interpreter, b.facts or _UNKNOWN_MACHINE)):
        case Selected(packages):
            return Pair(a=a.given, b=path_of(b), difference=differences_from_lock(packages, b.snapshot))
        case WrongPython(expected):
            field = FieldDifference("version", expected, interpreter.version)
            reason = "packages were not compared: the lock was not made for this interpreter"
            difference = ContentDifference(interpreter=(field,))
            return Pair(a=a.given, b=path_of(b), difference=difference, not_compared=reason)
        case Ambiguous() as ambiguous:
            return Incomparable(ambiguous.in_words)


def _turned(pair: Pair) -> Pair:
    return Pair(a=pair.b, b=pair.a, difference=mirrored(pair.difference), not_compared=pair.not_compared)


def _of_machines(a: Scan, b: Scan) -> tuple[Pair, ...]:
    if len(a.environments) == len(b.environments) == 1:
        return (_pair_of(a.environments[0], b.environments[0]),)
    of_a = {environment.record.path: environment for environment in a.environments}
    of_b = {environment.record.path: environment for environment in b.environments}
    both = [_pair_of(of_a[path], of_b[path]) for path in sorted(of_a.keys() & of_b.keys())]
    only_a = [Pair(a=path, b=None) for path in sorted(of_a.keys() - of_b.keys())]
    return (*both, *only_a, *(Pair(a=None, b=path) for path in sorted(of_b.keys() - of_a.keys())))


def _pair_of(a: Environment, b: Environment) -> Pair:
    return Pair(
        a=a.record.path,
        b=b.record.path,
        difference=differences(a.snapshot, b.snapshot),
        blas=_blas(a.record, b.record),
    )
