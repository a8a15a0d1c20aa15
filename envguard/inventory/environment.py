"""One environment: from a path to its snapshot and record.

Nothing is executed: all that is told comes from files. What could not be read is a problem of the snapshot,
with its words in the record; only a path that is no environment at all is an error.
"""

from __future__ import annotations

import os
from pathlib import Path

from envguard.domain.environment import (
    Changer,
    Environment,
    EnvironmentRecord,
    Package,
    Problem,
    ProblemDetail,
    Project,
    digest_of,
    snapshot_of,
)
from envguard.inventory.files import reader_for, shown
from envguard.inventory.interpreter import interpreter_of
from envguard.inventory.layout import Layout, locate
from envguard.inventory.packages import packages_of
from envguard.inventory.project import project_for_scan
from envguard.inventory.search_path import home_of, search_path_of


def read_environment(path: Path) -> Environment:
    """Answer the environment that a folder or an interpreter's path names.

    Its record's ``path`` is the real one; the given one, where it differs, is in ``also``.
    Raises InventoryError when the path names none.
    """
    return read_layout(locate(os.fspath(path)), named=os.path.abspath(path))


def read_layout(layout: Layout, *, named: str) -> Environment:
    """Answer the environment whose parts are known; ``named`` is the path by which it was reached."""
    interpreter = interpreter_of(layout)
    found = packages_of(search_path_of(layout, interpreter.version))
    project, project_problem = _project(layout)
    problems = [*layout.problems, *found.problems]
    snapshot = snapshot_of(
        interpreter, found.packages, [Problem(problem.kind, problem.package) for problem in problems]
    )
    uid = reader_for(layout.prefix).uid
    home = home_of(uid)
    record = EnvironmentRecord(
        path=shown(layout.path),
        python=shown(layout.python),
        kind=layout.kind,
        digest=digest_of(snapshot),
        also=() if named in (layout.path, layout.python) else (shown(named),),
        owner=_user_name(uid),
        home=shown(home) if home else None,
        changer=_changer(layout, found.packages),
        project=project,
        details=_sorted([*problems, *([project_problem] if project_problem else [])]),
    )
    return Environment(record, snapshot)


def _project(layout: Layout) -> tuple[Project | None, ProblemDetail | None]:
    if layout.kind in ("system", "pyenv"):
        return None, None
    return project_for_scan(Path(layout.prefix).parent)


def _changer(layout: Layout, packages: tuple[Package, ...]) -> Changer:
    if layout.kind == "system" and _is_managed(layout):
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
