"""A lock: the exact package closure that a policy wants, and the part of it that one environment must have.

Rules
1. Markers are evaluated for the environment that was scanned. Every marker variable of PEP 508 is passed, so
   that none is filled in from the interpreter that envguard runs in.
2. A lock whose ``requires-python`` or ``environments`` exclude the environment selects nothing: it says why.
3. Two entries of one name that both apply are an ambiguity (PEP 751, "Installation"), never a silent choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec
from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.specifiers import InvalidSpecifier
from packaging.version import InvalidVersion

from envguard.domain.environment import Digest, Interpreter
from envguard.domain.facts import MachineFacts
from envguard.domain.versions import allows

MARKER_VARIABLES = (
    "implementation_name",
    "implementation_version",
    "os_name",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_full_version",
    "python_version",
    "sys_platform",
)
"""PEP 508's environment markers, save ``extra``."""


class LockedPackage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of a lock."""

    name: str
    """Normalised (PEP 503)."""
    version: str | None = None
    """None where the lock names a folder or a repository and leaves the version to it."""
    marker: str | None = None
    """When this entry applies; None: always."""
    requires_python: str | None = None


class Lock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole lock, for all the environments that it was made for."""

    packages: tuple[LockedPackage, ...]
    digest: Digest
    """The sha256 of the lock's text."""
    requires_python: str | None = None
    environments: tuple[str, ...] = ()
    """Markers, of which one must hold; empty: no restriction."""
    default_groups: tuple[str, ...] = ()
    """The dependency groups that are installed when nobody chooses (PEP 751)."""


class Selected(msgspec.Struct, frozen=True):
    """What one environment must have."""

    packages: Mapping[str, LockedPackage]


class WrongPython(msgspec.Struct, frozen=True):
    """The lock was made for other interpreters."""

    expected: str
    """The specifier, or the markers, of which the environment meets none."""


class Ambiguous(msgspec.Struct, frozen=True):
    """The lock cannot be read as one answer for this environment."""

    package: str | None
    reason: str


Selection = Selected | WrongPython | Ambiguous


def select(lock: Lock, markers: Mapping[str, str]) -> Selection:
    """Answer which entries of the lock an environment with these marker values must have."""
    unmet = _unmet_python(lock, markers)
    if unmet is not None:
        return WrongPython(unmet)
    groups = frozenset(lock.default_groups)
    chosen: dict[str, LockedPackage] = {}
    for package in lock.packages:
        try:
            if package.marker is not None and not _holds(package.marker, markers, groups):
                continue
        except _UNDECIDABLE as error:
            return Ambiguous(package.name, f"its marker cannot be decided here: {error}")
        if package.name in chosen:
            return Ambiguous(package.name, "the lock has two entries of this name that both apply here")
        if not _python_meets(package.requires_python, markers):
            return WrongPython(f"{package.requires_python} (for {package.name})")
        chosen[package.name] = package
    return Selected(chosen)


def marker_values(interpreter: Interpreter, facts: MachineFacts) -> dict[str, str]:
    """Answer all marker variables of a scanned environment; what is not known of it is empty text."""
    kernel = {"platform_release": facts.kernel, "platform_version": facts.kernel_version}
    known = {**interpreter.markers, **kernel}
    return {name: known.get(name, "") for name in MARKER_VARIABLES}


_UNDECIDABLE = (
    UndefinedComparison,
    UndefinedEnvironmentName,
    InvalidVersion,
    InvalidMarker,
    InvalidSpecifier,
)


def _unmet_python(lock: Lock, markers: Mapping[str, str]) -> str | None:
    if not _python_meets(lock.requires_python, markers):
        return lock.requires_python
    groups: frozenset[str] = frozenset()
    if lock.environments and not any(_holds(marker, markers, groups) for marker in lock.environments):
        return " or ".join(lock.environments)
    return None


def _python_meets(specifier: str | None, markers: Mapping[str, str]) -> bool:
    return specifier is None or allows(specifier, markers["python_full_version"])


def _holds(marker: str, markers: Mapping[str, str], groups: frozenset[str]) -> bool:
    values: dict[str, str | frozenset[str]] = {**markers, "extras": frozenset(), "dependency_groups": groups}
    return _marker(marker).evaluate(values, context="lock_file")


@lru_cache(maxsize=4096)
def _marker(text: str) -> Marker:
    return Marker(text)
