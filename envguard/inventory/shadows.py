"""Installed packages whose import name is taken by something that comes before them on the path of a run.

``sys.path`` begins with the script's folder (or the working directory) and ``PYTHONPATH``, so what is taken
differs by run and is no part of a snapshot.

Rules (as ``importlib`` looks a name up)
1. The first folder that holds a module of the name wins.
2. A folder without ``__init__`` is a portion of a namespace: it counts only where no module of the name is
   found in any later folder, so it takes nothing from an installed package. Python 2 passes it over.
3. The project's own folder is no shadow of its editable installation, nor is a folder of the environment
   itself one of the environment.
4. Zip files on ``PYTHONPATH`` are not looked into.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from envguard.inventory.files import is_below, place_of, shown
from envguard.inventory.import_names import module_in, names_by_package, names_in, stem_of
from envguard.inventory.recorded import layout_of
from envguard.inventory.search_path import minor_of, search_path_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envguard.domain.environment import Environment
    from envguard.inventory.search_path import Folder


class Shadow(msgspec.Struct, frozen=True):
    """An installed package that an import would not reach."""

    package: str
    """Normalised."""
    module: str
    """The import name that is taken."""
    place: str
    """The file that is imported instead."""


def folders_before(environment: Environment, *, environ: Mapping[str, str], cwd: str) -> list[str]:
    """Answer the folders in which a run from ``cwd`` looks before the environment's own, in their order."""
    paths = environ.get("PYTHONPATH", "")
    folders = [os.path.join(cwd, path) for path in paths.split(os.pathsep)] if paths else []
    is_safe = environ.get("PYTHONSAFEPATH") and minor_of(environment.snapshot.interpreter.version) >= (3, 11)
    return folders if is_safe else [cwd, *folders]


def shadows_of(environment: Environment, before: Sequence[str]) -> tuple[Shadow, ...]:
    """Answer what the folders that come first take from the environment's packages; sorted by package.

    Raises InventoryError where there is no such environment any more.
    """
    listed = [(os.path.normpath(folder), names) for folder in before if (names := names_in(folder))]
    if not listed:
        return ()
    path = search_path_of(layout_of(environment.record), environment.snapshot.interpreter.version)
    packages = frozenset(package.name for package in environment.snapshot.packages)
    taken = _taken(environment, listed, path.folders, packages)
    if not taken:
        return ()
    found = {
        Shadow(package, name, shown(taken[name]))
        for package, name in names_by_package(path.folders, packages)
        if name in taken and not _is_its_own(environment, package, taken[name])
    }
    return tuple(sorted(found, key=lambda shadow: (shadow.package, shadow.module)))


def _taken(
    environment: Environment,
    listed: Sequence[tuple[str, frozenset[str]]],
    folders: Sequence[Folder],
    packages: frozenset[str],
) -> dict[str, str]:
    """Each import name that something installed has, and that is found earlier; with the file found there."""
    own = {place_of(folder.path) for folder in folders}
    wanted = _installed_names(environment, folders, packages)
    first: dict[str, str | None] = {}
    for folder, names in listed:
        is_own = place_of(folder) in own
        for stem in (wanted & {stem_of(name) for name in names}) - first.keys():
            found = module_in(folder, stem, names, environment.snapshot.interpreter)
            if found is not None:
                first[stem] = None if is_own else found
    return {stem: place for stem, place in first.items() if place is not None}


def _installed_names(
    environment: Environment, folders: Sequence[Folder], packages: frozenset[str]
) -> set[str]:
    """What can be imported from the environment's folders, and what editables bring by their own finder."""
    names = {stem_of(name) for folder in folders if folder.kind != "library" for name in folder.names or ()}
    editables = frozenset(each.package for each in environment.record.editables) & packages
    if editables:
        names.update(name for _, name in names_by_package(folders, editables))
    return names


def _is_its_own(environment: Environment, package: str, place: str) -> bool:
    """Whether the place is in the folder that the package is imported from anyway."""
    folders = [each.folder for each in environment.record.editables if each.package == package]
    return any(is_below(os.path.realpath(place), os.path.realpath(folder)) for folder in folders)
