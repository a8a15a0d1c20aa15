"""Which policy judges an environment.

Rules
1. Sources, the first that says anything wins: ``envguard use`` by the environment's owner, the project's own
   marker, ``applies-to`` of the policies. The nearer to the environment, the stronger: a team-wide
   ``applies-to: "*"`` is a default, not a way to overrule what a project wrote down.
2. Two different policies from one source are a conflict: both are named, neither judges.
3. ``*`` means every environment, except those that nobody made for a project (the system's, a user's
   additions to it, pipx's and uv's tools), which must be named. ``conda:NAME`` and ``kernel:NAME`` are names.
4. ``~`` is the home of the environment's owner. ``*`` stays within one folder name, ``**`` crosses folders.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Literal

import msgspec

from envguard.domain.environment import NEVER_MEANT_BY_STAR, EnvironmentRecord, Scan
from envguard.domain.policy import KnownPolicy, LockedPolicy, Selector

_MEANS_SOMETHING = r"([*?[])"

Source = Literal["use", "marker", "applies-to"]
"""Where a binding comes from."""


class Machine(msgspec.Struct, frozen=True):
    """A computer with an agent, as people name it."""

    name: str
    labels: Mapping[str, str] = {}


class Bound(msgspec.Struct, frozen=True):
    """One policy judges the environment."""

    policy: str
    source: Source


class Conflict(msgspec.Struct, frozen=True):
    """One source names several policies."""

    policies: tuple[str, ...]
    source: Source


class Unbound(msgspec.Struct, frozen=True):
    """No policy applies."""


Binding = Bound | Conflict | Unbound


class Evidence(msgspec.Struct, frozen=True):
    """By what it is seen, without another look, that what a look found is still so."""

    began_at_s: float
    """When the look began, in seconds since the epoch."""
    boot: str
    """The run of the kernel in which it was."""
    notes: dict[str, str]
    """Which notes on files belong to it, by the environment's path; none where they cannot be trusted."""


class BoundScan(msgspec.Struct, frozen=True):
    """A look at a machine, with what binds its environments."""

    scan: Scan
    """Records say what their owners bound; a marker that was a file names the policy inside it."""
    of_projects: dict[str, LockedPolicy] = {}
    """The policies of those files, by the project's folder."""
    evidence: Evidence | None = None
    """None where nobody noted."""


def bind(record: EnvironmentRecord, machine: Machine, selectors: Mapping[str, Sequence[Selector]]) -> Binding:
    """Answer which policy judges an environment; ``selectors`` are each known policy's ``applies-to``."""
    if record.use is not None:
        return Bound(record.use, "use")
    if record.project is not None and record.project.policy is not None:
        return Bound(record.project.policy, "marker")
    applying = sorted(name for name, each in selectors.items() if applies(each, record, machine))
    if len(applying) > 1:
        return Conflict(tuple(applying), "applies-to")
    return Bound(applying[0], "applies-to") if applying else Unbound()


def selectors_of(policies: Mapping[str, KnownPolicy]) -> dict[str, Sequence[Selector]]:
    """Answer each policy's ``applies-to``; one that cannot be read applies to nothing by itself."""
    return {
        name: known.policy.applies_to for name, known in policies.items() if isinstance(known, LockedPolicy)
    }


def applies(selectors: Iterable[Selector], record: EnvironmentRecord, machine: Machine) -> bool:
    """Whether one of the selectors is for this environment on this machine."""
    return any(
        any(_names_machine(pattern, machine) for pattern in selector.machines)
        and any(names_environment(pattern, record) for pattern in selector.environments)
        for selector in selectors
    )


def names_environment(pattern: str, record: EnvironmentRecord) -> bool:
    """Whether a pattern, as ``applies-to`` has it, is for this environment."""
    if pattern == "*":
        return record.kind not in NEVER_MEANT_BY_STAR
    if any(fnmatchcase(name, pattern) for name in record.names):
        return True
    if pattern == "~" or pattern.startswith("~/"):
        if record.home is None:
            return False
        pattern = record.home.rstrip("/") + pattern[1:]
    return any(matches_path(pattern, path) for path in (record.path, *record.also))


def pattern_of_path(path: str) -> str:
    """Answer the pattern that is for this one path, whatever its folders are called."""
    return re.sub(_MEANS_SOMETHING, r"[\1]", path)


def matches_path(pattern: str, path: str) -> bool:
    """Whether a path meets a pattern, folder by folder: ``*`` stays in one name, ``**`` does not."""
    return _parts_match(_parts(pattern), _parts(path))


def _names_machine(pattern: str, machine: Machine) -> bool:
    if not pattern.startswith("label:"):
        return fnmatchcase(machine.name, pattern)
    key, _, value = pattern.removeprefix("label:").partition("=")
    return key in machine.labels and (not value or fnmatchcase(machine.labels[key], value))


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


def _parts_match(patterns: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if not patterns:
        return not parts
    head, rest = patterns[0], patterns[1:]
    if head == "**":
        return any(_parts_match(rest, parts[start:]) for start in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], head) and _parts_match(rest, parts[1:])
