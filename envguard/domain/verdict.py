"""What the findings mean for one environment, on one machine, now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from envguard.domain.environment import Digest, EnvironmentRecord
from envguard.domain.findings.builds import Hashes
from envguard.domain.findings.finding import Finding, FindingKind
from envguard.domain.policy import BeforeRun, Severity, Waiver
from envguard.domain.remedy import Remedy, command_for
from envguard.domain.waiver import first_that_acquits

Outcome = Literal["compliant", "drifted", "unknown", "unmanaged"]
"""``unknown``: it could not be decided. ``unmanaged``: no policy applies."""

Moved = Literal["machine", "facts", "policy", "lock", "waiver", "envguard", "never-matched"]
"""What changed since this environment last matched its policy."""

OUTCOMES: tuple[Outcome, ...] = ("drifted", "unknown", "compliant", "unmanaged")
"""The worst first."""


class PolicyRef(msgspec.Struct, frozen=True, kw_only=True):
    """Which policy, in which revision, a verdict speaks of."""

    name: str
    revision: int | None = None
    """None without a server."""
    lock: int | None = None
    """The lock's revision; None without a server."""
    digest: Digest | None = None
    pulled_at: datetime | None = None
    """When a person pulled it into the user's cache; None where it is a file, or the agent keeps it."""
    before_run: BeforeRun = "refuse"
    """What happens before a run in an environment that drifted from it."""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A newer lock that waits for this environment, which is judged by its own until then."""

    lock: int
    """The newer lock's revision."""
    until: datetime
    """When grace ends: from then on the newer lock judges."""


class Waived(msgspec.Struct, frozen=True):
    """The permission under which a finding does not count."""

    until: datetime
    reason: str
    approved_by: str
    id: int | None = None
    """The server's number; None for one that the policy's file grants."""


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

    @property
    def counts(self) -> bool:
        """Whether it makes the verdict what it is."""
        return self.waived is None and (self.severity == "error" or self.kind == "unreadable")


class Verdict(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/verdict/1"):
    """The judgement of one environment by one policy."""

    environment: str
    path_bytes: bytes | None = None
    """The path as the file system has it, where ``environment`` had to escape it."""
    digest: Digest | None
    verdict: Outcome
    policy: PolicyRef | None
    pending: Pending | None = None
    """None where no newer lock waits."""
    findings: tuple[JudgedFinding, ...] = ()
    source: str | None = None
    """Why it is this policy, in words; None where nobody asked."""
    reason: str | None = None
    """Why it is unknown or unmanaged, where no finding says so."""
    since: datetime | None = None
    """When it was first seen to drift from what it had matched; None where that is not known."""
    hashes: Hashes | None = None
    """Of how many packages it is known whether they are the lock's files; None without a lock, and where
    nobody counted (``check --all``, the server)."""

    @property
    def ends_at(self) -> datetime | None:
        """When the first waiver, or the grace, on which it rests ends; None where it rests on neither."""
        ends = [each.waived.until for each in self.findings if each.waived is not None]
        if self.pending is not None:
            ends.append(self.pending.until)
        return min(ends, default=None)


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """The digests that a comparison read: what differs between two of them is what moved."""

    snapshot: Digest
    facts: Digest
    policy: Digest
    lock: Digest | None
    engine: int


class Match(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an environment last matched, and since when it does not."""

    basis: Basis
    drifted_at: datetime | None = None
    """When drift was first seen; None while it matches."""


def next_match(match: Match | None, verdict: Verdict, basis: Basis | None, now: datetime) -> Match | None:
    """Answer what to remember after a verdict; what could not be decided changes nothing."""
    if verdict.verdict == "compliant" and basis is not None:
        return Match(basis=basis)
    if verdict.verdict == "drifted" and match is not None and match.drifted_at is None:
        return msgspec.structs.replace(match, drifted_at=now)
    return match


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
    used_for: Collection[str] = (),
) -> Verdict:
    """Answer the verdict on one environment; ``now`` is aware, ``places`` are the policy's key paths.

    ``moved`` is what :func:`what_moved` says of the digests: it is told of drift only. ``used_for`` are the
    names of projects besides the environment's own: of these too, the project itself is never unlisted.
    """
    own_names = {*used_for, record.project.name if record.project is not None else None}
    judged = tuple(
        _judged(
            finding,
            places,
            _waived(finding, waivers, now, machine, record),
            reason=_reason(finding, record),
            fix=command_for([finding.remedy], record) if finding.remedy is not None else None,
        )
        for finding in findings
        if finding.kind != "unlisted" or finding.package not in own_names
    )
    outcome = _outcome(judged)
    return Verdict(
        environment=record.path,
        path_bytes=record.path_bytes,
        digest=record.digest,
        verdict=outcome,
        policy=policy,
        findings=judged if outcome == "compliant" or moved is None else _with_moved(judged, moved),
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
        _judged(each, places, _waived(each, waivers, now, machine, None), reason=each.reason)
        for each in findings
    )
    return Verdict(environment=path, digest=None, verdict=_outcome(judged), policy=policy, findings=judged)


def undecided(record: EnvironmentRecord, policy: PolicyRef | None, reason: str) -> Verdict:
    """Answer the verdict where the policy itself cannot be had, or two apply."""
    return Verdict(
        environment=record.path,
        path_bytes=record.path_bytes,
        digest=record.digest,
        verdict="unknown",
        policy=policy,
        reason=reason,
    )


def unmanaged(record: EnvironmentRecord) -> Verdict:
    """Answer the verdict where no policy applies."""
    return Verdict(
        environment=record.path,
        path_bytes=record.path_bytes,
        digest=record.digest,
        verdict="unmanaged",
        policy=None,
    )


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """Answer the outcome that speaks for a whole machine; ``unmanaged`` where there is none."""
    return min(outcomes, key=OUTCOMES.index, default="unmanaged")


def what_moved(matched: Basis | None, current: Basis) -> Moved:
    """Answer what changed since an environment last matched.

    Where all digests are the same, only a waiver can have ended, or have been taken back.
    """
    if matched is None:
        return "never-matched"
    pairs: tuple[tuple[Moved, bool], ...] = (
        ("machine", matched.snapshot != current.snapshot),
        ("policy", matched.policy != current.policy),
        ("lock", matched.lock != current.lock),
        ("facts", matched.facts != current.facts),
        ("envguard", matched.engine != current.engine),
    )
    return next((name for name, differs in pairs if differs), "waiver")


def _judged(
    finding: Finding,
    places: Mapping[str, str],
    waived: Waived | None,
    *,
    reason: str | None,
    fix: str | None = None,
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
        remedy=finding.remedy,
    )


def _with_moved(findings: tuple[JudgedFinding, ...], moved: Moved) -> tuple[JudgedFinding, ...]:
    """Files that changed are in no digest: where all of these are the same, it was still the machine."""
    return tuple(
        msgspec.structs.replace(
            each, moved="machine" if moved == "waiver" and each.kind == "modified-files" else moved
        )
        for each in findings
    )


def _place(rule: str, places: Mapping[str, str]) -> str | None:
    """Where a key path stands; where only a key above it was written, that one's place."""
    while rule not in places and "." in rule:
        rule = rule.rpartition(".")[0]
    return places.get(rule)


def _reason(finding: Finding, record: EnvironmentRecord) -> str | None:
    """Answer why; where something could not be read, the record knows what and where."""
    if finding.kind != "unreadable" or finding.package is None:
        return finding.reason
    told = (
        each.detail for each in record.details if (each.kind, each.package) == ("unreadable", finding.package)
    )
    return next(told, finding.reason)


def _outcome(findings: Sequence[JudgedFinding]) -> Outcome:
    counting = [finding for finding in findings if finding.counts]
    if any(finding.kind == "unreadable" for finding in counting):
        return "unknown"
    return "drifted" if counting else "compliant"


def _waived(
    finding: Finding,
    waivers: Sequence[Waiver],
    now: datetime,
    machine: str,
    record: EnvironmentRecord | None,
) -> Waived | None:
    waiver = first_that_acquits(
        waivers, finding.kind, finding.package, machine=machine, record=record, now=now
    )
    return None if waiver is None else Waived(waiver.until, waiver.reason, waiver.approved_by, waiver.id)
