"""What a scan leaves open before environments can be judged: what people bound, and markers that are files.

Rules
1. ``envguard use`` counts for environments of the user who said it, and for no other's.
2. A marker that is a file becomes the name of the policy inside it. That policy judges where it was named,
   never by its ``applies-to``.
3. What cannot be read is said in the record, and makes the verdict unknown: nothing is judged in its place.
"""

from __future__ import annotations

import os
import pwd
import stat
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from envguard.domain.environment import Environment, EnvironmentRecord, ProblemDetail
from envguard.domain.policy import LockedPolicy
from envguard.errors import PolicyError, StateError
from envguard.formats import load_policy, parse_source
from envguard.log import get_log
from envguard.runs.policies import is_file_reference
from envguard.state import KeptPolicy, State, read_uses

Uses = Callable[[EnvironmentRecord], Mapping[str, str]]
"""What the owner of an environment bound, by path."""

_STATE_BELOW_HOME = (
    "Library/Application Support/envguard" if sys.platform == "darwin" else ".local/state/envguard"
)

_log = get_log(__name__)


def parse_kept(kept: Mapping[str, KeptPolicy]) -> dict[str, LockedPolicy]:
    """Answer the kept policies ready to judge; one that cannot be read is left out, and that is logged."""
    parsed = {name: _parse(each) for name, each in kept.items()}
    return {name: policy for name, policy in parsed.items() if policy is not None}


def uses_of_owners(state: State) -> Uses:
    """Answer how to find an owner's bindings: the agent's own user in ``state``, others in their homes."""
    own = _name_of(os.geteuid())
    known: dict[tuple[str | None, str | None], Mapping[str, str]] = {}

    def look_up(record: EnvironmentRecord) -> Mapping[str, str]:
        key = (record.owner, record.home)
        if key not in known:
            known[key] = state.uses() if record.owner == own else _uses_of_other(record)
        return known[key]

    return look_up


def apply_uses(environments: Iterable[Environment], uses: Uses) -> tuple[Environment, ...]:
    """Answer the environments with what their owners bound them to."""
    return tuple(_with_use(each, uses) for each in environments)


def resolve_markers(
    environments: Iterable[Environment],
) -> tuple[tuple[Environment, ...], dict[str, LockedPolicy]]:
    """Answer the environments with file markers turned into names, and the policies of those files."""
    found: dict[str, LockedPolicy] = {}
    return tuple(_resolved(each, found) for each in environments), found


def _parse(kept: KeptPolicy) -> LockedPolicy | None:
    try:
        return parse_source(kept.source, revision=kept.revision, lock_revision=kept.lock_revision)
    except PolicyError as error:
        _log.error("policy_unusable", policy=kept.name, revision=kept.revision, reason=str(error))
        return None


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


def _resolved(environment: Environment, found: dict[str, LockedPolicy]) -> Environment:
    project = environment.record.project
    if project is None or project.policy is None or not is_file_reference(project.policy):
        return environment
    path = Path(project.path) / project.policy
    try:
        governing = load_policy(path)
    except PolicyError as error:
        return _told(environment, f"the policy that {project.marker_place} names cannot be had: {error}")
    name = governing.policy.name
    only_named = msgspec.structs.replace(
        governing, policy=msgspec.structs.replace(governing.policy, applies_to=())
    )
    if found.setdefault(name, only_named) != only_named:
        return _told(environment, f"two files here say different things as policy `{name}`: {path}")
    named = msgspec.structs.replace(project, policy=name)
    return msgspec.structs.replace(
        environment, record=msgspec.structs.replace(environment.record, project=named)
    )


def _told(environment: Environment, detail: str) -> Environment:
    """Answer the environment with a detail that makes its verdict unknown."""
    record = environment.record
    details = (*record.details, ProblemDetail("unreadable", None, detail))
    return msgspec.structs.replace(environment, record=msgspec.structs.replace(record, details=details))


def _uses_of_other(record: EnvironmentRecord) -> Mapping[str, str]:
    """Answer what another user bound, as far as it is in the usual place and is that user's own file."""
    if record.owner is None or record.home is None:
        return {}
    folder = Path(record.home) / _STATE_BELOW_HOME
    try:
        found = (folder / "uses.json").lstat()
    except OSError:
        return {}
    if not stat.S_ISREG(found.st_mode) or _name_of(found.st_uid) != record.owner:
        return {}
    return read_uses(folder)


def _name_of(uid: int) -> str:
    """Answer a user's name, or the number where it has none, as records write it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
