"""Where machines differ, while no policy says which of them is right. For a server, and for saved scans."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from envguard.domain.environment import NEVER_MEANT_BY_STAR, EnvironmentKind, Snapshot
from envguard.domain.findings.packages import NEVER_UNLISTED
from envguard.wire import Difference


def differences_between(machines: Iterable[tuple[str, set[tuple[str, str]]]]) -> tuple[Difference, ...]:
    """Answer the packages of which machines have different versions.

    ``machines`` are names, in the report's order, with what :func:`packages_for_projects` answers of each.
    """
    versions: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for machine, packages in machines:
        for name, version in sorted(packages):
            versions[name][version].append(machine)
    return tuple(
        Difference(package=name, versions={version: tuple(names) for version, names in sorted(found.items())})
        for name, found in sorted(versions.items())
        if name not in NEVER_UNLISTED and len({tuple(names) for names in found.values()}) > 1
    )


def packages_for_projects(
    environments: Iterable[tuple[EnvironmentKind, Snapshot]],
) -> set[tuple[str, str]]:
    """Answer the names and versions in what was made for projects, whichever of the environments has them."""
    return {
        (package.name, package.version)
        for kind, snapshot in environments
        if kind not in NEVER_MEANT_BY_STAR
        for package in snapshot.packages
    }
