"""One environment: from a path to its snapshot and record.

Nothing is executed: all that is told comes from files. What could not be read is a problem of the snapshot,
with its words in the record; only a path that is no environment at all is an error.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.environment import (
    NEVER_MEANT_BY_STAR,
    BrokenRequirement,
    Changer,
    Environment,
    EnvironmentKind,
    EnvironmentRecord,
    Interpreter,
    Package,
    Problem,
    ProblemDetail,
    Project,
    digest_of,
    snapshot_of,
)
from envguard.domain.requirements import unmet_requirements
from envguard.errors import InventoryError
from envguard.inventory import conda_records
from envguard.inventory.conda_records import CondaRecords, read_conda_records
from envguard.inventory.discovery.sight import Notes, eye_of_this_machine
from envguard.inventory.editables import editables_of
from envguard.inventory.files import reader_for, reason_of, shown
from envguard.inventory.interpreter import header_places, interpreter_of
from envguard.inventory.layout import Layout, locate
from envguard.inventory.machine.blas import environment_blas
from envguard.inventory.names import names_of
from envguard.inventory.packages import Packages, packages_of
from envguard.inventory.project import marker_places, project_for_scan
from envguard.inventory.pyvenv import config_places
from envguard.inventory.search_path import SearchPath, home_of, search_path_of

if TYPE_CHECKING:
    from pathlib import Path

_OF_NO_PROJECT: frozenset[EnvironmentKind] = NEVER_MEANT_BY_STAR | {"pyenv"}
_CHANGED_BY_THEIR_TOOL: frozenset[EnvironmentKind] = frozenset({"pipx", "uv-tool", "pixi"})
"""What pip would do here, the tool would not know of, or undo."""


def read_environment(path: Path) -> Environment:
    """Answer the environment that a folder or an interpreter's path names.

    Its record's ``path`` is the real one; the given one, where it differs, is in ``also``.
    Raises InventoryError when the path names none.
    """
    try:
        layout = locate(os.fspath(path))
    except OSError as error:
        raise InventoryError(f"cannot be read: {reason_of(error)}", where=shown(str(path))) from error
    layout = msgspec.structs.replace(layout, names=names_of(layout, eye_of_this_machine(Notes())))
    return read_layout(layout, named=os.path.abspath(path))


class Reading(msgspec.Struct, frozen=True):
    """An environment that was just read, and the paths of all that decided what it is."""

    environment: Environment
    watched: tuple[str, ...]
    """Also of what was absent: it would decide, too."""


def read_layout(layout: Layout, *, named: str) -> Environment:
    """Answer the environment whose parts are known; ``named`` is the path by which it was reached."""
    return reached_by(read_watched(layout).environment, layout, named=named)


def reached_by(environment: Environment, layout: Layout, *, named: str) -> Environment:
    """Answer the environment as one that was reached by this path."""
    also = () if named in (layout.path, layout.python) else (shown(named),)
    record = msgspec.structs.replace(environment.record, also=also, names=layout.names)
    return msgspec.structs.replace(environment, record=record)


def read_watched(layout: Layout) -> Reading:
    """Answer the environment whose parts are known, and what to look at to see that it is still so."""
    interpreter = interpreter_of(layout)
    path = search_path_of(layout, interpreter.version)
    conda = read_conda_records(reader_for(layout.prefix), layout.prefix)
    found = packages_of(path, conda)
    project, project_problem = _project(layout)
    broken, invalid = _unmet(found, interpreter)
    problems = [*layout.problems, *conda.problems, *found.problems, *invalid]
    snapshot = snapshot_of(
        interpreter,
        found.packages,
        [Problem(problem.kind, problem.package) for problem in problems],
        system_packages=conda.system_packages,
        broken_requirements=broken,
    )
    uid = _owner_of(layout)
    home = home_of(uid)
    record = EnvironmentRecord(
        path=shown(layout.path),
        path_bytes=os.fsencode(layout.path) if shown(layout.path) != layout.path else None,
        python=shown(layout.python),
        kind=layout.kind,
        digest=digest_of(snapshot),
        owner=_user_name(uid),
        home=shown(home) if home else None,
        changer=_changer(layout, found.packages),
        project=project,
        installers=found.installers,
        editables=editables_of(path, found.packages),
        details=_sorted([*problems, *([project_problem] if project_problem else [])]),
        blas=environment_blas(layout, path.folders),
    )
    return Reading(Environment(record, snapshot), tuple(_watched(layout, path, found, conda)))


def _owner_of(layout: Layout) -> int:
    """Asked last: what is gone by now was not read as a whole."""
    try:
        return os.stat(layout.path if layout.kind == "user" else layout.prefix).st_uid
    except OSError as error:
        raise InventoryError(
            f"vanished while it was read: {reason_of(error)}", where=shown(layout.path), hint="envguard scan"
        ) from error


def _watched(layout: Layout, path: SearchPath, found: Packages, conda: CondaRecords) -> Iterator[str]:
    yield from config_places(layout.prefix)
    yield from (layout.prefix, layout.python, layout.real_python, os.path.join(layout.prefix, "lib"))
    yield from header_places(layout)
    yield os.path.join(layout.prefix, conda_records.FOLDER)
    yield from conda.looked_at
    yield from path.looked_at
    yield from found.looked_at
    if _has_project(layout):
        yield from marker_places(os.path.dirname(layout.prefix))


def _unmet(found: Packages, interpreter: Interpreter) -> tuple[list[BrokenRequirement], list[ProblemDetail]]:
    """What does not hold, and what cannot be understood."""
    versions = {package.name: package.version for package in found.packages}
    broken: list[BrokenRequirement] = []
    invalid: list[ProblemDetail] = []
    for unmet in unmet_requirements(found.requires, versions, interpreter.markers):
        if isinstance(unmet, BrokenRequirement):
            broken.append(unmet)
        else:
            detail = f"{unmet.package} requires `{unmet.requirement}`"
            invalid.append(ProblemDetail("invalid-requirement", unmet.package, detail))
    return broken, invalid


def _has_project(layout: Layout) -> bool:
    return layout.kind not in _OF_NO_PROJECT


def _project(layout: Layout) -> tuple[Project | None, ProblemDetail | None]:
    return project_for_scan(os.path.dirname(layout.prefix)) if _has_project(layout) else (None, None)


def _changer(layout: Layout, packages: tuple[Package, ...]) -> Changer:
    if layout.kind in _CHANGED_BY_THEIR_TOOL or (layout.config is None and _is_managed(layout)):
        return "none"
    if any(package.name == "pip" for package in packages):
        return "pip"
    return "uv"


def _is_managed(layout: Layout) -> bool:
    """Whether the system's own package manager keeps it (PEP 668, or Debian's layout)."""
    library = os.path.join(layout.prefix, "lib", layout.library)
    return os.path.lexists(os.path.join(library, "EXTERNALLY-MANAGED")) or os.path.isdir(
        os.path.join(layout.prefix, "lib", "python3", "dist-packages")
    )


def _user_name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _sorted(details: list[ProblemDetail]) -> tuple[ProblemDetail, ...]:
    return tuple(sorted(set(details), key=lambda one: (one.kind, one.package or "", one.detail)))
