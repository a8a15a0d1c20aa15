"""Why it is this policy: every source that can name one, in the order of asking, with its answer.

The order is that of ``runs.policies``, which takes the first that says anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from envguard.domain.binding import Machine, applies, selectors_of
from envguard.domain.environment import EnvironmentRecord, Project
from envguard.domain.locks.lock import Lock
from envguard.domain.policy import KnownPolicy
from envguard.errors import PolicyError
from envguard.formats import project_lock
from envguard.formats.files import ReadBytes
from envguard.inventory.files import place_shown_as, reader_for
from envguard.inventory.project import project_for_scan, project_of


class Step(msgspec.Struct, frozen=True):
    """One source that can name a policy."""

    source: str
    """In words, such as ``ENVGUARD_POLICY`` or the place of a marker."""
    says: str | None
    """The policy that it names, or why it cannot be taken; None: it says nothing."""


def policy_steps(
    named: str | None,
    record: EnvironmentRecord,
    *,
    environ: Mapping[str, str],
    machine: Machine,
    known: Mapping[str, KnownPolicy],
    cwd: Path,
    broken: str | None = None,
) -> tuple[Step, ...]:
    """Answer every source with what it says of this environment; the first that says anything counts.

    ``broken`` is what is wrong with its project's marker.
    """
    return (
        Step("--policy", named),
        Step("ENVGUARD_POLICY", environ.get("ENVGUARD_POLICY") or None),
        Step("envguard use", record.use),
        _marker_step(record, cwd, broken),
        Step("applies-to", " and ".join(_applying(record, machine, known)) or None),
        Step("project's own lock", _lock_of(record, cwd)),
    )


def naming_project(record: EnvironmentRecord, cwd: Path) -> Project | None:
    """Answer the project whose marker counts for an environment.

    That is its own; where this names no policy, and for an environment that lies in no project (as conda's
    mostly do), the one in whose folder one stands. Raises PolicyError where that one's marker cannot be used.
    """
    own = record.project
    if (own is not None and own.policy is not None) or not _is_used_from(record, cwd):
        return own
    here = project_of(cwd)
    return here if here is not None and here.policy is not None else own


def projects_here(record: EnvironmentRecord, cwd: Path) -> frozenset[str]:
    """Answer the names of the projects that an environment is used for besides its own: that of this folder.

    A marker there that cannot be used is told where it is asked for.
    """
    if record.project is not None and _folder(record.project.path) == cwd:
        return frozenset()  # known already, and not read again
    here = project_for_scan(cwd)[0] if _is_used_from(record, cwd) else None
    return frozenset({here.name}) if here is not None and here.name is not None else frozenset()


def own_lock(record: EnvironmentRecord, cwd: Path) -> tuple[Path, Lock] | None:
    """Answer the lock of an environment's own project, the nearest; raises PolicyError where it is broken."""
    for folder in _lock_folders(record, cwd):
        found = project_lock(folder, as_owner_of(folder))
        if found is not None:
            return found
    return None


def as_owner_of(folder: Path) -> ReadBytes:
    """Answer how files that a project names are read: as the owner of its folder may, and no others.

    A marker of somebody's can name any path; what root may read is not theirs to see in an error.
    """
    reader = reader_for(str(folder))
    return lambda path, limit_bytes: reader.read_head(str(path), cap_bytes=limit_bytes + 1)


def _lock_folders(record: EnvironmentRecord, cwd: Path) -> list[Path]:
    """The folders in which an environment's own lock may lie, the nearest first."""
    own = [_folder(record.project.path)] if record.project is not None else []
    here = [cwd, *_project_folder(cwd)] if _is_used_from(record, cwd) else []
    return list(dict.fromkeys([*own, _folder(record.path).parent, *here]))


def _is_used_from(record: EnvironmentRecord, cwd: Path) -> bool:
    """Whether the folder may say what the environment is for: another project's environment is that one's."""
    if record.project is None:
        return True
    return Path(os.path.realpath(cwd)).is_relative_to(os.path.realpath(_folder(record.project.path)))


def _project_folder(cwd: Path) -> list[Path]:
    project = project_of(cwd)
    return [_folder(project.path)] if project is not None else []


def _marker_step(record: EnvironmentRecord, cwd: Path, broken: str | None) -> Step:
    try:
        project = naming_project(record, cwd) if broken is None else None
    except PolicyError as error:
        project, broken = None, str(error)
    if broken is not None:
        return Step("project's marker", f"cannot be used: {broken}")
    if project is None or project.marker_place is None:
        return Step("project's marker", None)
    return Step(f"marker in {project.marker_place}", project.policy)


def _folder(recorded: str) -> Path:
    return Path(place_shown_as(recorded))


def _applying(record: EnvironmentRecord, machine: Machine, known: Mapping[str, KnownPolicy]) -> Iterator[str]:
    for name, selectors in sorted(selectors_of(known).items()):
        if applies(selectors, record, machine):
            yield name


def _lock_of(record: EnvironmentRecord, cwd: Path) -> str | None:
    try:
        found = own_lock(record, cwd)
    except PolicyError as error:
        return f"cannot be used: {error}"
    return str(found[0]) if found is not None else None
