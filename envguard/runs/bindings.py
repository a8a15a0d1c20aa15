"""What binds the environments of a scan: what their owners said, and markers that are files.

Rules
1. ``envguard use`` counts for environments of the user who said it, and for no other's.
2. A marker that is a file (a policy, or a lock) becomes the name of the policy inside it. That policy judges
   the project that named it, never by its ``applies-to``.
3. What cannot be read is said in the record, and makes the verdict unknown: nothing is judged in its place.
"""

from __future__ import annotations

import os
import pwd
import stat
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import msgspec

from envguard.domain.binding import BoundScan
from envguard.domain.environment import Environment, EnvironmentRecord, ProblemDetail, Project, Scan
from envguard.domain.policy import LockedPolicy
from envguard.errors import PolicyError, StateError, UnavailableError
from envguard.inventory.files import place_shown_as
from envguard.runs.policies import is_file_reference, marker_policy
from envguard.state import State, read_uses, uses_file

Uses = Callable[[EnvironmentRecord], Mapping[str, str]]
"""What the owner of an environment bound, by path."""

Note = Callable[[EnvironmentRecord, str], None]
"""Is told of an environment, and the path of a file that decides which policy judges it, or how."""

_STATE_BELOW_HOME = (
    "Library/Application Support/envguard" if sys.platform == "darwin" else ".local/state/envguard"
)


def bind_scan(scan: Scan, uses: Uses, note: Note = lambda _record, _path: None) -> BoundScan:
    """Answer a scan with what binds its environments.

    ``note`` is told of each file that decides about an environment, before it is read.
    """
    of_projects: dict[str, LockedPolicy] = {}
    bound = apply_uses(scan.environments, uses)
    environments = tuple(_with_marker(each, of_projects, note) for each in bound)
    return BoundScan(msgspec.structs.replace(scan, environments=environments), of_projects)


def uses_of_owners(state: State | None) -> Uses:
    """Answer how to find an owner's bindings: the own user's in ``state``, others' in their homes."""
    own = _name_of(os.geteuid())
    known: dict[tuple[str | None, str | None], Mapping[str, str]] = {}

    def look_up(record: EnvironmentRecord) -> Mapping[str, str]:
        key = (record.owner, record.home)
        if key not in known:
            known[key] = _uses_of_other(record) if record.owner != own else state.uses() if state else {}
        return known[key]

    return look_up


def uses_noted(state: State | None, note: Note) -> Uses:
    """Answer how to find an owner's bindings; ``note`` is told of their file before it is read."""
    look_up = uses_of_owners(state)
    own = _name_of(os.geteuid())

    def look_up_noted(record: EnvironmentRecord) -> Mapping[str, str]:
        folder = _state_of_other(record) if record.owner != own else state.path if state else None
        if folder is not None:
            note(record, str(uses_file(folder)))
        return look_up(record)

    return look_up_noted


def bound_places(state: State | None) -> list[Path]:
    """Answer the environments that this user bound, wherever they lie.

    None where that cannot be read: what is found otherwise says so.
    """
    try:
        return [Path(place_shown_as(path)) for path in state.uses()] if state is not None else []
    except StateError:
        return []


def apply_uses(environments: Iterable[Environment], uses: Uses) -> tuple[Environment, ...]:
    """Answer the environments with what their owners bound them to."""
    return tuple(_with_use(each, uses) for each in environments)


def _with_use(environment: Environment, uses: Uses) -> Environment:
    record = environment.record
    try:
        bound = uses(record)
    except StateError as error:
        return _told(environment, f"what its owner bound cannot be read: {error}")
    policy = next((bound[path] for path in (record.path, *record.also) if path in bound), None)
    if policy is None:
        return environment
    return msgspec.structs.replace(environment, record=msgspec.structs.replace(record, use=policy))


def _with_marker(environment: Environment, of_projects: dict[str, LockedPolicy], note: Note) -> Environment:
    project = environment.record.project
    if project is None or project.policy is None or not is_file_reference(project.policy):
        return environment
    try:
        governing = marker_policy(project, partial(note, environment.record))
    except (PolicyError, UnavailableError) as error:
        return _told(environment, f"the policy that {project.marker_place} names cannot be had: {error}")
    only_named = msgspec.structs.replace(governing.policy, applies_to=())
    of_projects[project.path] = msgspec.structs.replace(governing, policy=only_named)
    return _naming(environment, msgspec.structs.replace(project, policy=governing.policy.name))


def _naming(environment: Environment, project: Project) -> Environment:
    record = msgspec.structs.replace(environment.record, project=project)
    return msgspec.structs.replace(environment, record=record)


def _told(environment: Environment, detail: str) -> Environment:
    """Answer the environment with a detail that makes its verdict unknown."""
    record = environment.record
    details = (*record.details, ProblemDetail("unreadable", None, detail))
    return msgspec.structs.replace(environment, record=msgspec.structs.replace(record, details=details))


def _uses_of_other(record: EnvironmentRecord) -> Mapping[str, str]:
    """Answer what another user bound, as far as it is in the usual place and is that user's own file."""
    folder = _state_of_other(record)
    if folder is None:
        return {}
    try:
        found = uses_file(folder).lstat()
    except OSError:
        return {}
    if not stat.S_ISREG(found.st_mode) or _name_of(found.st_uid) != record.owner:
        return {}
    return read_uses(folder)


def _state_of_other(record: EnvironmentRecord) -> Path | None:
    if record.owner is None or record.home is None:
        return None
    return Path(record.home) / _STATE_BELOW_HOME


def _name_of(uid: int) -> str:
    """Answer a user's name, or the number where it has none, as records write it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
