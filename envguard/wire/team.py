"""The team's report, and how the server refuses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from envguard.domain.environment import Digest
from envguard.domain.verdict import JudgedFinding, Outcome, Pending, Verdict


class TeamEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """One environment in the team report, judged by the server."""

    path: str
    path_bytes: bytes | None = None
    """The path as the file system has it, where ``path`` had to escape it."""
    digest: Digest | None
    verdict: Outcome
    policy: str | None
    """None where no policy applies, or where it could not be said which."""
    revision: int | None = None
    lock: int | None = None
    """The lock's revision."""
    policy_digest: Digest | None = None
    pending: Pending | None = None
    """None where no newer lock waits."""
    findings: tuple[JudgedFinding, ...] = ()
    reason: str | None = None
    """Why it is unknown, where no finding says so."""
    pending_revision: int | None = None
    """The policy's newer revision by which it is not judged yet; None where it is."""


MachineState = Literal["online", "stale", "away"]
"""Whether a machine is heard; ``away``: it said goodbye, or is a laptop, and that is under a week ago."""


class MachineCopy(msgspec.Struct, frozen=True, kw_only=True):
    """One of two that speak as one machine."""

    host: str
    """What it calls itself."""
    address: str
    """From where it was heard last."""
    seen: datetime
    """The server's receive time."""


class TeamMachine(msgspec.Struct, frozen=True, kw_only=True):
    """A machine in the team report; its verdict is the worst of its environments."""

    name: str
    state: MachineState
    verdict: Outcome
    seen: datetime
    """The server's receive time."""
    environments: tuple[TeamEnvironment, ...] = ()
    reason: str | None = None
    """Why the machine itself is unknown, whatever its environments are; None where they decide."""
    copies: tuple[MachineCopy, ...] = ()
    """Both, where two speak as this one: a copied state folder. Nothing that they say is kept."""
    pending: dict[str, int] = {}
    """The policies, each with its newest revision, by which it is not judged yet."""


class TeamSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of machines; a stale machine counts as unknown, and one that is away only as away."""

    machines: int
    compliant: int
    drifted: int
    unknown: int
    unmanaged: int
    away: int = 0


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A package in which machines differ, where no policy says which of them is right."""

    package: str
    versions: dict[str, tuple[str, ...]]
    """Version to the names of the machines that have it."""


class AskedWaiver(msgspec.Struct, frozen=True, kw_only=True):
    """A waiver that waits for a lead's word."""

    id: int
    policy: str
    package: str
    by: str
    """Who asked."""


class StartedAnyway(msgspec.Struct, frozen=True, kw_only=True):
    """Runs of one person that were started in spite of a verdict, for one reason."""

    person: str
    reason: str
    count: int


class RunsOfDay(msgspec.Struct, frozen=True, kw_only=True):
    """The runs since the beginning of a day that did not go as policies want."""

    since: datetime
    refused: dict[str, int] = {}
    """Person to how many of theirs did not start."""
    anyway: tuple[StartedAnyway, ...] = ()


class PendingRevision(msgspec.Struct, frozen=True, kw_only=True):
    """A policy's newest revision, by which not all are judged yet; their verdicts are those of before."""

    revision: int
    machines: int
    """How many wait for it."""
    of: int
    """Of how many that the policy concerns, or may concern."""


class TeamCounts(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/team-counts/1"):
    """``GET team/counts``: how many machines stand how."""

    as_of: datetime
    summary: TeamSummary
    policies: dict[str, int]
    """Each policy's newest revision."""
    waiting: int
    """How many machines are still said to be what they were before something moved."""


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A saved scan that does not count."""

    file: str
    reason: str


class TeamReport(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/team/1"):
    """``GET team``: how the team stands."""

    as_of: datetime
    summary: TeamSummary
    machines: tuple[TeamMachine, ...]
    policies: dict[str, int] = {}
    """Each policy's newest revision."""
    differences: tuple[Difference, ...] = ()
    """Filled where there is no policy at all."""
    asked: tuple[AskedWaiver, ...] = ()
    """The waivers that wait for a lead's word."""
    today: RunsOfDay | None = None
    """None of a server that is told of no runs, and where a machine asks."""
    pending: dict[str, PendingRevision] = {}
    """The policies of which the newest revision has not judged all that it will."""
    left_out: tuple[LeftOut, ...] = ()
    """The saved scans that do not count; a server has none."""
    is_summary: bool = False
    """A machine asked: the summary is the team's, and all else is of that machine alone."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer that is not a success."""

    error: str
    hint: str | None = None
    request_id: str | None = None
    """By which the server's log names the request."""


def summary_of(machines: Sequence[TeamMachine]) -> TeamSummary:
    """Answer how many machines have which verdict; one that is away is counted as that alone."""
    verdicts = [machine.verdict for machine in machines if machine.state != "away"]
    return TeamSummary(
        machines=len(machines),
        away=len(machines) - len(verdicts),
        compliant=verdicts.count("compliant"),
        drifted=verdicts.count("drifted"),
        unknown=verdicts.count("unknown"),
        unmanaged=verdicts.count("unmanaged"),
    )


def team_environment(verdict: Verdict) -> TeamEnvironment:
    """Answer a verdict as the team report shows it."""
    policy = verdict.policy
    return TeamEnvironment(
        path=verdict.environment,
        path_bytes=verdict.path_bytes,
        digest=verdict.digest,
        verdict=verdict.verdict,
        policy=policy.name if policy is not None else None,
        revision=policy.revision if policy is not None else None,
        lock=policy.lock if policy is not None else None,
        policy_digest=policy.digest if policy is not None else None,
        pending=verdict.pending,
        findings=verdict.findings,
        reason=verdict.reason,
    )
