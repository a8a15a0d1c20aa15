"""What the findings mean for one environment, on one machine, now."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from envguard.domain.environment import Digest, EnvironmentRecord
from envguard.domain.finding import Finding, FindingKind
from envguard.domain.policy import Severity, Waiver
from envguard.domain.remedy import Remedy, command_for

Outcome = Literal["compliant", "drifted", "unknown", "unmanaged"]
"""``unknown``: it could not be decided. ``unmanaged``: no policy applies."""

Moved = Literal["machine", "facts", "policy", "lock", "envguard", "never-matched"]
"""What changed since this environment last matched its policy."""

_COLUMN = re.compile(r"(:\d+):\d+\Z")
_ORDER: tuple[Outcome, ...] = ("drifted", "unknown", "compliant", "unmanaged")


class PolicyRef(msgspec.Struct, frozen=True, kw_only=True):
    """Which policy, in which revision, a verdict speaks of."""

    name: str
    revision: int | None = None
    """None without a server."""
    lock: int | None = None
    """The lock's revision; None without a server."""
    digest: Digest | None = None


class Waived(msgspec.Struct, frozen=True):
    """The permission under which a finding does not count."""

    until: datetime
    reason: str
    approved_by: str


class JudgedFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding in its place, with the command that mends it."""

    kind: FindingKind
    package: str | None
    severity: Severity
    expected: str | None
    actual: str | None
    reason: str | None
    place: str | None
    """``rl-team.yaml:7``."""
    fix: str | None
    """A shell command; None where none is safe."""
    waived: Waived | None = None
    moved: Moved | None = None
    remedy: Remedy | None = None


class Verdict(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/verdict/1"):
    """The judgement of one environment by one policy."""

    environment: str
    digest: Digest | None
    verdict: Outcome
    policy: PolicyRef | None
    pending: None = None
    findings: tuple[JudgedFinding, ...] = ()
    reason: str | None = None
    """Why it is unknown or unmanaged, where no finding says so."""


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """The digests that a comparison read: what differs between two of them is what moved."""

    snapshot: Digest
    facts: Digest
    policy: Digest
    lock: Digest | None
    engine: int


def judge(
    findings: Sequence[Finding],
    record: EnvironmentRecord,
    waivers: Sequence[Waiver],
    now: datetime,
    *,
    machine: str,
    policy: PolicyRef,
    places: Mapping[str, str],
    moved: Moved | None = None,
) -> Verdict:
    """Answer the verdict on one environment; ``now`` is aware, ``places`` are the policy's key paths."""
    own_name = record.project.name if record.project is not None else None
    judged = tuple(
        _judged(
            finding,
            places,
            _waived(finding, waivers, now, machine),
            reason=_reason(finding, record),
            fix=command_for([finding.remedy], record) if finding.remedy is not None else None,
            moved=moved,
        )
        for finding in findings
        if finding.kind != "unlisted" or finding.package != own_name
    )
    return Verdict(
        environment=record.path,
        digest=record.digest,
        verdict=_outcome(judged),
        policy=policy,
        findings=judged,
    )


def judge_lock(
    findings: Sequence[Finding],
    path: str,
    waivers: Sequence[Waiver],
    now: datetime,
    *,
    machine: str,
    policy: PolicyRef,
    places: Mapping[str, str],
) -> Verdict:
    """Answer the verdict on a lock that nobody installed: there is nothing to mend but the lock."""
    judged = tuple(
        _judged(each, places, _waived(each, waivers, now, machine), reason=each.reason) for each in findings
    )
    return Verdict(environment=path, digest=None, verdict=_outcome(judged), policy=policy, findings=judged)


def undecided(record: EnvironmentRecord, policy: PolicyRef | None, reason: str) -> Verdict:
    """Answer the verdict where the policy itself cannot be had, or two apply."""
    return Verdict(
        environment=record.path, digest=record.digest, verdict="unknown", policy=policy, reason=reason
    )


def unmanaged(record: EnvironmentRecord) -> Verdict:
    """Answer the verdict where no policy applies."""
    return Verdict(environment=record.path, digest=record.digest, verdict="unmanaged", policy=None)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """Answer the outcome that speaks for a whole machine; ``unmanaged`` where there is none."""
    return min(outcomes, key=_ORDER.index, default="unmanaged")


def what_moved(matched: Basis | None, current: Basis) -> Moved | None:
    """Answer what changed since an environment last matched; None where nothing did."""
    if matched is None:
        return "never-matched"
    pairs: tuple[tuple[Moved, bool], ...] = (
        ("machine", matched.snapshot != current.snapshot),
        ("policy", matched.policy != current.policy),
        ("lock", matched.lock != current.lock),
        ("facts", matched.facts != current.facts),
        ("envguard", matched.engine != current.engine),
    )
    return next((name for name, differs in pairs if differs), None)


def _judged(
    finding: Finding,
    places: Mapping[str, str],
    waived: Waived | None,
    *,
    reason: str | None,
    fix: str | None = None,
    moved: Moved | None = None,
) -> JudgedFinding:
    return JudgedFinding(
        kind=finding.kind,
        package=finding.package,
        severity=finding.severity,
        expected=finding.expected,
        actual=finding.actual,
        reason=reason,
        place=_place(finding.rule, places),
        fix=fix,
        waived=waived,
        moved=moved,
        remedy=finding.remedy,
    )


def _place(rule: str, places: Mapping[str, str]) -> str | None:
    """Where a key path stands; where only a key above it was written, that one's place.

    A finding's place is file and line, as annotations of other tools are.
    """
    while rule not in places and "." in rule:
        rule = rule.rpartition(".")[0]
    place = places.get(rule)
    return None if place is None else _COLUMN.sub(r"\1", place)


def _reason(finding: Finding, record: EnvironmentRecord) -> str | None:
    """Answer why; where something could not be read, the record knows what and where."""
    if finding.kind != "unreadable" or finding.package is None:
        return finding.reason
    told = (
        each.detail for each in record.details if (each.kind, each.package) == ("unreadable", finding.package)
    )
    return next(told, finding.reason)


def _outcome(findings: Sequence[JudgedFinding]) -> Outcome:
    counting = [finding for finding in findings if finding.waived is None]
    if any(finding.kind == "unreadable" for finding in counting):
        return "unknown"
    return "drifted" if any(finding.severity == "error" for finding in counting) else "compliant"


def _waived(finding: Finding, waivers: Sequence[Waiver], now: datetime, machine: str) -> Waived | None:
    for waiver in waivers:
        if (
            waiver.package == finding.package
            and now < waiver.until
            and waiver.machine in (None, machine)
            and waiver.kind in (None, finding.kind)
        ):
            return Waived(waiver.until, waiver.reason, waiver.approved_by)
    return None
