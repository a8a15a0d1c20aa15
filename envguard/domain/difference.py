"""What one side has that the other has not: environments, locks, a lock and an environment, machines.

Rules
1. Neither side is right: swapping the sides swaps ``a`` and ``b`` and nothing else.
2. What is equal is left out. Two snapshots without a difference have one digest, and so have two facts.
3. A lock says names and versions, so nothing else is compared with it. A version that meets the pin is equal
   to it (PEP 440, "Version matching": ``1.0+cu121`` meets ``==1.0``), and the tools that every environment
   may have do not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Literal, TypeVar

import msgspec

from envguard.domain.environment import INDEX, BrokenRequirement, Origin, Package, Problem, Snapshot
from envguard.domain.facts import Gpu, MachineFacts
from envguard.domain.findings.installed import installed_in
from envguard.domain.findings.packages import beside
from envguard.domain.locks.lock import Lock, LockedPackage

Aspect = Literal["presence", "version", "build", "origin", "marker"]
"""In what two sides differ about a package; ``presence``: only one has it."""

Item = TypeVar("Item")

Value = str | int | bool | None
"""What a field holds; several of a kind are one text."""


class Held(msgspec.Struct, frozen=True, omit_defaults=True):
    """One package as one side has it."""

    version: str | None
    """Of a lock that has none, what it asks of it; None where it leaves it to a folder or a repository."""
    build: str | None = None
    origin: Origin = INDEX
    marker: str | None = None
    """When a lock's entry applies; None: always, or no lock."""
    conda_name: str | None = None
    """What conda calls it, where that is another name: packages of two names are two builds."""
    conda_version: str | None = None
    """The version by which conda has it, where that is another."""


class PackageDifference(msgspec.Struct, frozen=True):
    """A package that the sides do not have alike."""

    name: str
    differs: tuple[Aspect, ...]
    a: tuple[Held, ...]
    """Empty: only ``b`` has it. Several: two versions in one folder, or entries of a lock with markers."""
    b: tuple[Held, ...]


class FieldDifference(msgspec.Struct, frozen=True):
    """A field of an interpreter, a machine or a lock in which the sides differ."""

    field: str
    """Such as ``version``, ``markers.platform_machine``, ``nvidia_driver``."""
    a: Value
    b: Value


class ProblemsApart(msgspec.Struct, frozen=True):
    """Problems that only one side has."""

    a: tuple[Problem, ...] = ()
    b: tuple[Problem, ...] = ()


class RequirementsApart(msgspec.Struct, frozen=True):
    """Requirements that hold on one side only, by the side where they are broken."""

    a: tuple[BrokenRequirement, ...] = ()
    b: tuple[BrokenRequirement, ...] = ()


class ContentDifference(msgspec.Struct, frozen=True):
    """In what two contents differ; all empty where they are equal."""

    packages: tuple[PackageDifference, ...] = ()
    """Sorted by name."""
    interpreter: tuple[FieldDifference, ...] = ()
    system_packages: tuple[PackageDifference, ...] = ()
    problems: ProblemsApart = ProblemsApart()
    broken_requirements: RequirementsApart = RequirementsApart()

    @property
    def is_empty(self) -> bool:
        """Whether the contents are equal."""
        return self == _EQUAL


_EQUAL = ContentDifference()


def differences(a: Snapshot, b: Snapshot) -> ContentDifference:
    """Answer in what two snapshots differ."""
    return ContentDifference(
        packages=_packages_apart(_installed(a.packages), _installed(b.packages)),
        interpreter=_fields_apart(a.interpreter, b.interpreter),
        system_packages=_packages_apart(_installed(a.system_packages), _installed(b.system_packages)),
        problems=ProblemsApart(*_apart(a.problems, b.problems)),
        broken_requirements=RequirementsApart(*_apart(a.broken_requirements, b.broken_requirements)),
    )


def differences_from_lock(locked: Mapping[str, LockedPackage], snapshot: Snapshot) -> ContentDifference:
    """Answer in what an environment (``b``) differs from the entries of a lock (``a``) that apply to it."""
    installed = installed_in(snapshot)
    found = {name: installed.meant_by(package) for name, package in locked.items()}
    unmet = [name for name, package in locked.items() if not _is_met(package, found[name])]
    there = {name: found[name] for name in unmet if found[name]}
    there.update(beside(locked.values(), (), installed))
    return ContentDifference(
        packages=_packages_apart(
            {name: (Held(_wanted(locked[name])),) for name in unmet},
            {name: _versions(packages) for name, packages in there.items()},
        )
    )


def lock_differences(a: Lock, b: Lock) -> ContentDifference:
    """Answer in what two locks differ, for whatever environment."""
    fields = (
        FieldDifference("requires-python", a.requires_python, b.requires_python),
        FieldDifference("environments", _text(a.environments), _text(b.environments)),
        FieldDifference("default-groups", _text(a.default_groups), _text(b.default_groups)),
    )
    return ContentDifference(
        packages=_packages_apart(_locked(a.packages), _locked(b.packages)),
        interpreter=tuple(field for field in fields if field.a != field.b),
    )


def fact_differences(a: MachineFacts, b: MachineFacts) -> tuple[FieldDifference, ...]:
    """Answer in what two machines differ, in the order of the facts."""
    return _fields_apart(a, b)


def mirrored(difference: ContentDifference) -> ContentDifference:
    """Answer the same seen from the other side."""
    return ContentDifference(
        packages=tuple(map(_mirrored_package, difference.packages)),
        interpreter=tuple(map(mirrored_field, difference.interpreter)),
        system_packages=tuple(map(_mirrored_package, difference.system_packages)),
        problems=ProblemsApart(difference.problems.b, difference.problems.a),
        broken_requirements=RequirementsApart(
            difference.broken_requirements.b, difference.broken_requirements.a
        ),
    )


def mirrored_field(field: FieldDifference) -> FieldDifference:
    """Answer the same field seen from the other side."""
    return FieldDifference(field.field, field.b, field.a)


def _mirrored_package(package: PackageDifference) -> PackageDifference:
    return PackageDifference(package.name, package.differs, package.b, package.a)


def _installed(packages: Iterable[Package]) -> dict[str, tuple[Held, ...]]:
    found: dict[str, tuple[Held, ...]] = {}
    for package in packages:
        held = Held(
            package.version,
            package.build,
            package.origin,
            conda_name=package.conda_name,
            conda_version=package.conda_version,
        )
        found[package.name] = (*found.get(package.name, ()), held)
    return found


def _locked(packages: Iterable[LockedPackage]) -> dict[str, tuple[Held, ...]]:
    found: dict[str, tuple[Held, ...]] = {}
    for package in packages:
        held = Held(_wanted(package), marker=_marker_of(package))
        found[package.name] = tuple(sorted((*found.get(package.name, ()), held), key=_rank))
    return found


def _marker_of(package: LockedPackage) -> str | None:
    python = f"requires python {package.requires_python}" if package.requires_python else None
    return "; ".join(filter(None, [package.marker, python])) or None


def _rank(held: Held) -> tuple[str, str]:
    return held.version or "", held.marker or ""


def _is_met(wanted: LockedPackage, found: tuple[Package, ...]) -> bool:
    return bool(found) and all(wanted.allows(package.version) for package in found)


def _wanted(package: LockedPackage) -> str | None:
    return package.version or package.specifier


def _versions(packages: Iterable[Package]) -> tuple[Held, ...]:
    return tuple(Held(package.version) for package in packages)


def _packages_apart(
    a: Mapping[str, tuple[Held, ...]], b: Mapping[str, tuple[Held, ...]]
) -> tuple[PackageDifference, ...]:
    return tuple(
        PackageDifference(name, _aspects(a.get(name, ()), b.get(name, ())), a.get(name, ()), b.get(name, ()))
        for name in sorted(a.keys() | b.keys())
        if a.get(name) != b.get(name)
    )


def _aspects(a: tuple[Held, ...], b: tuple[Held, ...]) -> tuple[Aspect, ...]:
    if not a or not b:
        return ("presence",)
    of_a, of_b = _by_aspect(a), _by_aspect(b)
    differing = tuple(aspect for aspect in of_a if {*of_a[aspect]} != {*of_b[aspect]})
    # Of several on one side, each value may be on the other too, but paired with others.
    return differing or tuple(aspect for aspect in of_a if of_a[aspect] != of_b[aspect])


def _by_aspect(several: tuple[Held, ...]) -> dict[Aspect, list[object]]:
    return {
        "version": [(held.version, held.conda_version) for held in several],
        "build": [(held.build, held.conda_name) for held in several],
        "origin": [held.origin for held in several],
        "marker": [held.marker for held in several],
    }


def _apart(a: tuple[Item, ...], b: tuple[Item, ...]) -> tuple[tuple[Item, ...], tuple[Item, ...]]:
    of_a, of_b = frozenset(a), frozenset(b)
    return tuple(each for each in a if each not in of_b), tuple(each for each in b if each not in of_a)


def _fields_apart(a: msgspec.Struct, b: msgspec.Struct) -> tuple[FieldDifference, ...]:
    of_a, of_b = _fields(a), _fields(b)
    order = {name: number for number, name in enumerate(a.__struct_fields__)}
    names = sorted(of_a.keys() | of_b.keys(), key=lambda name: (order[name.partition(".")[0]], name))
    return tuple(
        FieldDifference(name, _value(of_a.get(name)), _value(of_b.get(name)))
        for name in names
        if of_a.get(name) != of_b.get(name)
    )


def _fields(document: msgspec.Struct) -> dict[str, object]:
    """The fields of a document; what is in a table of its own goes by ``table.key``."""
    found: dict[str, object] = {}
    for name in document.__struct_fields__:
        value = getattr(document, name)
        found.update(
            {f"{name}.{key}": each for key, each in value.items()}
            if isinstance(value, dict)
            else {name: value}
        )
    return found


def _value(value: object) -> Value:
    if isinstance(value, tuple):
        return _text([each.model if isinstance(each, Gpu) else str(each) for each in value])
    return value if isinstance(value, int) or value is None else str(value)


def _text(several: Iterable[str]) -> str | None:
    """Several values as one text, those that follow their like counted: ``8 x NVIDIA H100``."""
    counted = [(len(list(group)), value) for value, group in groupby(several)]
    return ", ".join(f"{count} x {value}" if count > 1 else value for count, value in counted) or None
