"""The packages that an interpreter would find, of all that lie on its path.

Rules
1. The first folder that holds a name wins; the others are ``shadowed``.
2. Two versions of one name in one folder are a ``duplicate``: both are told, nothing is chosen.
3. The egg-info inside an editable project's own folder is that project, not a rival of it.
4. A version that is not PEP 440 is kept, and is an ``invalid-version``.
5. What conda installed, and nobody else since, is conda's: its records say which build, and its name.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.environment import INDEX, Installers, Origin, Package, ProblemDetail
from envguard.domain.versions import is_version
from envguard.inventory.archives import read_archive
from envguard.inventory.conda_records import NO_RECORDS, CondaRecords, Recorded
from envguard.inventory.distributions import (
    DIST_INFO,
    Contents,
    Distribution,
    egg_link_places,
    egg_links,
    name_in,
    read_folder,
)
from envguard.inventory.files import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from envguard.inventory.search_path import SearchPath

_CONDA = Origin(kind="conda")
_OTHER_INSTALLERS = frozenset({"pip", "uv"})
"""Tools that replace conda's files and leave its records as they were."""


class Packages(msgspec.Struct, frozen=True):
    """What counts, and what is not as it should be."""

    packages: tuple[Package, ...]
    problems: tuple[ProblemDetail, ...]
    requires: dict[str, tuple[str, ...]]
    """What each package requires, as its metadata writes it."""
    installers: Installers
    looked_at: tuple[str, ...]
    """The paths that decided: each distribution's folder and metadata, of those too that do not count."""


def packages_of(path: SearchPath, conda: CondaRecords = NO_RECORDS) -> Packages:
    """Answer the packages on a search path; ``conda`` are the records of the prefix."""
    linked = [egg_links(folder) for folder in path.folders]
    links = frozenset(target for targets, _ in linked for target in targets)
    contents = [
        read_archive(folder) if folder.names is None else read_folder(folder, links)
        for folder in path.folders
    ]
    problems = [*path.problems, *(problem for _, faults in linked for problem in faults)]
    problems += [problem for content in contents for problem in content.problems]
    winners: dict[str, list[Distribution]] = {}
    for content in contents:
        problems += _merge(winners, content)
    counted = [distribution for found in winners.values() for distribution in found]
    replaced = {name_in(place): each for place, each in conda.distributions.items()}
    problems += [_invalid(one) for one in counted if one.version and not is_version(one.version)]
    return Packages(
        packages=tuple(_package(one, conda.distributions, replaced) for one in counted),
        problems=tuple(problems),
        requires={one.name: one.requires for one in counted if one.requires},
        installers=_installers(counted),
        looked_at=(
            *(place for folder in path.folders for place in egg_link_places(folder)),
            *(place for content in contents for one in content.distributions for place in one.looked_at),
        ),
    )


def _merge(winners: dict[str, list[Distribution]], content: Contents) -> Iterable[ProblemDetail]:
    problems: list[ProblemDetail] = []
    for name, found in _by_name(content).items():
        if name not in winners:
            winners[name] = _distinct(found)
            if len(winners[name]) > 1:
                problems.append(_duplicate(name, winners[name]))
        elif not _is_same_project(winners[name][0], found[0]):
            problems.append(_shadowed(name, winners[name][0], found[0]))
    return problems


def _by_name(content: Contents) -> dict[str, list[Distribution]]:
    found: dict[str, list[Distribution]] = {}
    for distribution in content.distributions:
        found.setdefault(distribution.name, []).append(distribution)
    return found


def _distinct(found: list[Distribution]) -> list[Distribution]:
    """One per version; of equal versions the dist-info, which tells more."""
    by_version: dict[str, Distribution] = {}
    for distribution in sorted(found, key=lambda one: not one.place.lower().endswith(DIST_INFO)):
        by_version.setdefault(distribution.version, distribution)
    return list(by_version.values())


def _is_same_project(first: Distribution, second: Distribution) -> bool:
    """An editable's dist-info, and the egg-info that its build left in the folder that its ``.pth`` adds."""
    is_editable = first.origin is not None and first.origin.kind == "editable"
    return is_editable and second.folder.added_by == first.folder.path


def _duplicate(name: str, found: list[Distribution]) -> ProblemDetail:
    return ProblemDetail("duplicate", name, " and ".join(sorted(shown(one.place) for one in found)))


def _shadowed(name: str, first: Distribution, second: Distribution) -> ProblemDetail:
    detail = f"{shown(first.place)} ({first.version}) wins over {shown(second.place)} ({second.version})"
    return ProblemDetail("shadowed", name, detail)


def _invalid(one: Distribution) -> ProblemDetail:
    return ProblemDetail("invalid-version", one.name, f"{shown(one.place)}: {one.version}")


def _package(one: Distribution, recorded: dict[str, Recorded], replaced: dict[str, Recorded]) -> Package:
    by_conda = recorded.get(one.place.rpartition("/")[2]) if recorded else None
    if by_conda is None or one.installer in _OTHER_INSTALLERS:
        by_conda = replaced.get(one.name)
        conda_name = by_conda.name if by_conda is not None and by_conda.name != one.name else None
        return Package(one.name, one.version, one.origin or INDEX, one.build, conda_name)
    return Package(
        one.name,
        one.version,
        _CONDA,
        by_conda.build or None,
        conda_name=by_conda.name if by_conda.name != one.name else None,
        conda_version=by_conda.version if by_conda.version != one.version else None,
    )


def _installers(counted: Iterable[Distribution]) -> Installers:
    told = {one.name: one.installer or "" for one in counted}
    counts = Counter(filter(None, told.values()))
    if not counts:
        return Installers()
    usual = min(counts, key=lambda tool: (-counts[tool], tool))
    return Installers(usual, {name: tool for name, tool in sorted(told.items()) if tool != usual})
