"""Which policy judges an environment on this machine, and where it comes from.

Rules, the first that says anything wins
1. What the command names, then ``ENVGUARD_POLICY``: a name, a policy file, or a lock.
2. ``envguard use``, the project's marker, ``applies-to`` (see ``domain.binding``).
3. The project's own lock, and that is said.
A policy that was named and cannot be had is an error, never the lock instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from envguard.domain.binding import Bound, Conflict, Machine, bind
from envguard.domain.environment import EnvironmentRecord
from envguard.domain.policy import LockedPolicy
from envguard.errors import UnavailableError, UsageError
from envguard.formats import load_policy, parse_lock, policy_for_lock, project_lock
from envguard.formats.files import read_text
from envguard.runs.judging import conflict_reason

_POLICY_SUFFIXES = (".yaml", ".yml")
_LOCK_SUFFIXES = (".toml", ".txt")


class Governing(msgspec.Struct, frozen=True):
    """A policy, and the words that say why it is this one."""

    policy: LockedPolicy
    source: str


def choose_policy(
    named: str | None,
    record: EnvironmentRecord,
    *,
    environ: Mapping[str, str],
    machine: Machine,
    known: Mapping[str, LockedPolicy],
    cwd: Path,
) -> Governing:
    """Answer the policy for one environment; ``known`` are the ones that this machine holds.

    Raises UnavailableError where a named one cannot be had, UsageError where there is none at all.
    """
    if named is not None:
        return _named(named, "named on the command line", known, cwd)
    if environ.get("ENVGUARD_POLICY"):
        return _named(environ["ENVGUARD_POLICY"], "named in ENVGUARD_POLICY", known, cwd)
    binding = bind(record, machine, {name: each.policy.applies_to for name, each in known.items()})
    if isinstance(binding, Conflict):
        raise UnavailableError(conflict_reason(binding), where=record.path)
    if isinstance(binding, Bound):
        return _bound(binding, record, known, cwd)
    return _own_lock(record, cwd)


def is_file_reference(text: str) -> bool:
    """Whether a marker or an argument is a path rather than a policy's name."""
    return "/" in text or text.endswith((*_POLICY_SUFFIXES, *_LOCK_SUFFIXES))


def _bound(
    binding: Bound, record: EnvironmentRecord, known: Mapping[str, LockedPolicy], cwd: Path
) -> Governing:
    if binding.source == "marker" and record.project is not None:
        words = f"policy named in {record.project.marker_place}"
        return _named(binding.policy, words, known, Path(record.project.path))
    words = "bound by `envguard use`" if binding.source == "use" else "policy applies to it"
    return _named(binding.policy, words, known, cwd)


def _named(named: str, words: str, known: Mapping[str, LockedPolicy], folder: Path) -> Governing:
    if is_file_reference(named):
        path = folder / named
        if path.suffix in _POLICY_SUFFIXES:
            return Governing(load_policy(path), words)
        return Governing(
            policy_for_lock(path.name, parse_lock(read_text(path, "lock"), filename=path.name)), words
        )
    if named in known:
        return Governing(known[named], words)
    raise UnavailableError(
        f"policy `{named}` cannot be had: it is not a file, and this machine holds no policy of that name",
        where=words,
        hint="`envguard join STRING` and `envguard agent --once` fetch the team's policies",
    )


def _own_lock(record: EnvironmentRecord, cwd: Path) -> Governing:
    folders = [Path(record.project.path)] if record.project is not None else []
    for folder in dict.fromkeys([*folders, Path(record.path).parent, cwd]):
        found = project_lock(folder)
        if found is not None:
            path, lock = found
            return Governing(policy_for_lock(path.name, lock), f"no policy; judged by the lock {path.name}")
    raise UsageError(
        "no policy applies to this environment, and its project has no lock",
        where=record.path,
        hint="envguard check --policy FILE, or write [tool.envguard] policy = NAME into pyproject.toml",
    )
