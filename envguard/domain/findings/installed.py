"""The packages of a snapshot as rules and locks ask for them: by Python's names, and by conda's."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from envguard.domain.environment import Package, Snapshot
from envguard.domain.locks.lock import LockedPackage


class Installed(msgspec.Struct, frozen=True):
    """What is there, by name; several of one name are several, as the interpreter would find them."""

    python: dict[str, tuple[Package, ...]]
    """Distributions, by their normalised names."""
    conda: dict[str, tuple[Package, ...]]
    """What conda installed, distributions or not, by its own names and in its own versions."""
    replaced: dict[str, tuple[Package, ...]] = {}
    """Distributions that somebody put in the place of conda's, by conda's names."""

    def named(self, name: str) -> tuple[Package, ...]:
        """Answer the distributions of a name; where there is none, conda's package of that name."""
        return self.python.get(name) or self.conda.get(name, ())

    def meant_by(self, locked: LockedPackage) -> tuple[Package, ...]:
        """Answer what is there of an entry: conda's by conda's name, else what somebody put in its place."""
        if locked.ecosystem == "conda":
            found = self.conda.get(locked.name) or self.replaced.get(locked.name)
            if found:
                return found
        return self.python.get(locked.name, ())

    @property
    def names(self) -> set[str]:
        """The normalised names of all distributions."""
        return set(self.python)


def installed_in(snapshot: Snapshot) -> Installed:
    """Answer the packages of a snapshot by their names."""
    python: dict[str, list[Package]] = defaultdict(list)
    conda: dict[str, list[Package]] = defaultdict(list)
    replaced: dict[str, list[Package]] = defaultdict(list)
    for package in snapshot.packages:
        python[package.name].append(package)
        if package.origin.kind == "conda":
            conda[package.conda_name or package.name].append(_as_conda_has_it(package))
        elif package.conda_name is not None:
            replaced[package.conda_name].append(package)
    for package in snapshot.system_packages:
        conda[package.name].append(package)
    return Installed(*(_by_name(found) for found in (python, conda, replaced)))


def _as_conda_has_it(package: Package) -> Package:
    version = package.conda_version
    return package if version is None else msgspec.structs.replace(package, version=version)


def _by_name(found: dict[str, list[Package]]) -> dict[str, tuple[Package, ...]]:
    return {name: tuple(packages) for name, packages in found.items()}


def versions_of(packages: tuple[Package, ...]) -> str | None:
    """Answer the versions as a finding tells them; None where nothing is there."""
    return ", ".join(dict.fromkeys(package.version for package in packages)) or None
