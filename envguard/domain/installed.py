"""The packages of a snapshot as rules and locks ask for them: by Python's names, and by conda's."""

from __future__ import annotations

from collections import defaultdict

import msgspec

from envguard.domain.environment import Package, Snapshot


class Installed(msgspec.Struct, frozen=True):
    """What is there, by name; several of one name are several, as the interpreter would find them."""

    python: dict[str, tuple[Package, ...]]
    """Distributions, by their normalised names."""
    conda: dict[str, tuple[Package, ...]]
    """What conda installed, distributions or not, by the names that conda has for them."""

    def named(self, name: str) -> tuple[Package, ...]:
        """Answer the distributions of a name; where there is none, conda's package of that name."""
        return self.python.get(name) or self.conda.get(name, ())

    @property
    def names(self) -> set[str]:
        """The normalised names of all distributions."""
        return set(self.python)


def installed_in(snapshot: Snapshot) -> Installed:
    """Answer the packages of a snapshot by their names."""
    python: dict[str, list[Package]] = defaultdict(list)
    conda: dict[str, list[Package]] = defaultdict(list)
    for package in snapshot.packages:
        python[package.name].append(package)
        if package.origin.kind == "conda":
            conda[package.conda_name or package.name].append(package)
    for package in snapshot.system_packages:
        conda[package.name].append(package)
    return Installed(
        {name: tuple(packages) for name, packages in python.items()},
        {name: tuple(packages) for name, packages in conda.items()},
    )


def versions_of(packages: tuple[Package, ...]) -> str | None:
    """Answer the versions as a finding tells them; None where nothing is there."""
    return ", ".join(dict.fromkeys(package.version for package in packages)) or None
