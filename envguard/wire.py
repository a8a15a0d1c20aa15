"""The messages that agent, people and server exchange under ``/api/v1``: JSON, one type each.

Rules
1. Everything is retryable: snapshots by digest, check-ins by (machine, epoch, seq).
2. A check-in carries one hash over all records. Unchanged, nothing else happens; changed, the reply names
   what the server lacks.
3. A field may be added with a default; none is renamed or removed within ``/api/v1``.
"""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Literal

import msgspec

from envguard.domain.environment import Digest, EnvironmentRecord, digest_of
from envguard.domain.facts import MachineFacts
from envguard.domain.policy import PolicySource
from envguard.domain.policy_difference import PolicyDifference
from envguard.domain.verdict import JudgedFinding, Outcome, Verdict
from envguard.errors import UsageError

PROTOCOL = 1
"""Refused by a server that does not speak it."""

BODY_LIMIT_BYTES = 8 * 1024 * 1024
"""No message is larger, compressed or not."""

_JOIN_PREFIX = "envguard-join-1."


class JoinString(msgspec.Struct, frozen=True):
    """All that a machine needs to find its server and be let in."""

    url: str
    token: str


class EnrolRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``POST enroll``: a join token for a machine's own secret."""

    token: str
    machine: str
    """The id that the agent made itself."""
    name: str
    labels: dict[str, str] = {}


class EnrolReply(msgspec.Struct, frozen=True):
    """The secret that the machine authenticates with from now on (``Authorization: Bearer``)."""

    secret: str
    interval_s: float


class Checkin(msgspec.Struct, frozen=True, kw_only=True):
    """``POST checkin``: how things stand, in a few hundred bytes."""

    protocol: int
    epoch: str
    """Made anew at each start of an agent's state; with ``seq`` it orders what a machine says."""
    seq: int
    records: Digest
    """One hash over all environment records and the facts: :func:`records_digest`."""
    policies: dict[str, int]
    """The revision of each policy that the agent holds."""
    version: str
    is_incomplete: bool = False
    """The look ended before everything was seen: what was not seen is not known."""


class CheckinReply(msgspec.Struct, frozen=True, kw_only=True):
    """What the server lacks, what the agent lacks, and when to come back."""

    wants_records: bool
    policies_changed: bool
    """``GET policies`` would bring something new."""
    next_in_s: float


class Records(msgspec.Struct, frozen=True, kw_only=True):
    """``PUT environments``: every record of the machine; those that are absent here are gone."""

    records: tuple[EnvironmentRecord, ...]
    facts: MachineFacts
    is_incomplete: bool = False
    """As in :class:`Checkin`; those that are absent then stay."""


class RecordsReply(msgspec.Struct, frozen=True):
    """The snapshots to ``PUT snapshots/{digest}`` next."""

    missing: tuple[Digest, ...]


class PolicyRevision(msgspec.Struct, frozen=True, kw_only=True):
    """A numbered revision of a policy, with its files."""

    name: str
    revision: int
    lock_revision: int | None
    digest: Digest
    pushed_at: datetime
    source: PolicySource


class RevisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A numbered revision of a policy, without its files."""

    revision: int
    lock_revision: int | None
    digest: Digest
    pushed_at: datetime


class PolicyRevisions(msgspec.Struct, frozen=True):
    """``GET policies/{name}/revisions``: all of them, the newest first."""

    revisions: tuple[RevisionRow, ...]


class Policies(msgspec.Struct, frozen=True):
    """``GET policies``: the newest revision of each."""

    policies: tuple[PolicyRevision, ...]


class GovernedEnvironment(msgspec.Struct, frozen=True):
    """One environment somewhere in the team."""

    machine: str
    path: str
    also_on: tuple[str, ...] = ()
    """Other machines that have the very same one, over a shared file system."""


class PushReply(msgspec.Struct, frozen=True, kw_only=True):
    """``POST policies``: the revision that the push made (or the one that was there already)."""

    name: str
    revision: int
    is_new: bool
    governs: tuple[GovernedEnvironment, ...]
    holders: tuple[GovernedEnvironment, ...] = ()
    """Where it governs none: the environments that hold its packages."""


PlannedChange = Literal[
    "drifts", "drifts-more", "unknown", "drifts-less", "compliant", "governed", "released"
]
"""What a push would do to an environment. It drifts, or cannot be decided, where it does not today; it drifts
from more, or from less, than today; it becomes compliant; it becomes governed, and is compliant; or no policy
judges it any more."""


class PlannedEnvironment(msgspec.Struct, frozen=True, kw_only=True):
    """One environment of which a push would change the verdict."""

    machine: str
    path: str
    also_on: tuple[str, ...] = ()
    """As in :class:`GovernedEnvironment`."""
    is_silent: bool = False
    """Its machine is not heard: this is what it was when it was."""
    change: PlannedChange
    before: Outcome
    after: Outcome
    findings: tuple[JudgedFinding, ...] = ()
    """The first of those that would count as drift."""
    reason: str | None = None
    """Why it would be unknown, where no finding says so."""


class PlanReply(msgspec.Struct, frozen=True, kw_only=True):
    """``POST policies/plan``: what a push of these files would do; nothing is kept of it."""

    name: str
    revision: int | None
    """The newest that the server has; None: it has no policy of this name."""
    is_new: bool
    """A push would make a revision: these are not the files that the server has."""
    difference: PolicyDifference | None
    """From the newest revision; None where there is none, or where this version cannot read it."""
    governs: int
    """How many environments it would govern."""
    counts: dict[PlannedChange, int]
    """How many environments would change, in each way."""
    environments: tuple[PlannedEnvironment, ...]
    """Those that would change, the worst first; of very many only the first."""
    unchanged: int
    """How many of those that it governs, or would govern, would keep their verdict."""
    not_judged: int = 0
    """How many it would govern besides: comparing them all would take too long for an answer."""


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
    findings: tuple[JudgedFinding, ...] = ()
    reason: str | None = None
    """Why it is unknown, where no finding says so."""


class TeamMachine(msgspec.Struct, frozen=True, kw_only=True):
    """A machine in the team report; its verdict is the worst of its environments."""

    name: str
    state: Literal["online", "stale"]
    verdict: Outcome
    seen: datetime
    """The server's receive time."""
    environments: tuple[TeamEnvironment, ...] = ()
    reason: str | None = None
    """Why the machine itself is unknown, whatever its environments are; None where they decide."""


class TeamSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of machines; a stale machine counts as unknown."""

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


class TeamReport(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/team/1"):
    """``GET team``: how the team stands."""

    as_of: datetime
    summary: TeamSummary
    machines: tuple[TeamMachine, ...]
    policies: dict[str, int] = {}
    """Each policy's newest revision."""
    differences: tuple[Difference, ...] = ()
    """Filled where there is no policy at all."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every answer that is not a success."""

    error: str
    hint: str | None = None


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
        findings=verdict.findings,
        reason=verdict.reason,
    )


def records_digest(records: Records) -> Digest:
    """Answer the one hash over all records of a machine and its facts, whatever their order."""
    ordered = tuple(sorted(records.records, key=lambda record: record.path))
    return digest_of(msgspec.structs.replace(records, records=ordered))


def write_join(join: JoinString) -> str:
    """Answer the one string that ``envguard join`` takes."""
    return _JOIN_PREFIX + base64.urlsafe_b64encode(msgspec.json.encode(join)).decode().rstrip("=")


def read_join(text: str) -> JoinString:
    """Read a join string; raises UsageError where it is none or was cut off."""
    body = text.strip().removeprefix(_JOIN_PREFIX)
    try:
        if not text.strip().startswith(_JOIN_PREFIX):
            raise binascii.Error
        return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=JoinString)
    except (binascii.Error, msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UsageError(
            "not a join string, or only a part of one",
            where="join",
            hint="paste the whole string that `envguard server` or `envguard token new` printed",
        ) from error
