"""One way in which an environment differs from its policy, and the order in which such ways are told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from envguard.domain.policy import Severity
from envguard.domain.remedy import Remedy

FindingKind = Literal[
    "interpreter-mismatch",
    "missing",
    "version-mismatch",
    "build-mismatch",
    "denied",
    "unlisted",
    "origin-mismatch",
    "hash-mismatch",
    "modified-files",
    "broken-requirement",
    "duplicate",
    "shadowed",
    "machine-mismatch",
    "unreadable",
]

_SEVERITIES: tuple[Severity, ...] = ("error", "warn", "info")
_OF_THE_WHOLE = ("unreadable", "interpreter-mismatch")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which an environment differs from its policy."""

    kind: FindingKind
    rule: str
    """The key path of the policy that says so: ``python``, ``packages.gym``, ``lock``, ``unlisted``."""
    severity: Severity = "error"
    package: str | None = None
    expected: str | None = None
    actual: str | None = None
    reason: str | None = None
    remedy: Remedy | None = None


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Answer the findings as they are told: by severity, and within one by what changes results most.

    That is the interpreter, then packages that a rule names, those of the lock, and the rest.
    """
    return tuple(sorted(findings, key=_rank))


def is_worse(one: Finding, other: Finding) -> bool:
    """Whether a finding is more severe than another."""
    return _SEVERITIES.index(one.severity) < _SEVERITIES.index(other.severity)


def _rank(finding: Finding) -> tuple[int, int, str]:
    return _SEVERITIES.index(finding.severity), _weight(finding), finding.package or ""


def _weight(finding: Finding) -> int:
    if finding.kind in _OF_THE_WHOLE:
        return 0
    if finding.rule.startswith("packages."):
        return 1
    return 2 if finding.rule == "lock" else 3
