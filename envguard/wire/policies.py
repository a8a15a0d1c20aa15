"""Policies on their way: revisions, pushes, and plans of pushes."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from envguard.domain.environment import Digest
from envguard.domain.policy import EarlierSource, PolicySource, Waiver
from envguard.domain.policy_difference import PolicyDifference
from envguard.domain.verdict import JudgedFinding, Outcome


class PolicyRevision(msgspec.Struct, frozen=True, kw_only=True):
    """A numbered revision of a policy, with its files."""

    name: str
    revision: int
    lock_revision: int | None
    digest: Digest
    pushed_at: datetime
    source: PolicySource
    waivers: tuple[Waiver, ...] = ()
    """What was granted beside it and is in force: told in ``GET policies``, to a machine what concerns it."""
    earlier: tuple[EarlierSource, ...] = ()
    """Locks that its lock replaced so lately that they may still judge: told in ``GET policies``."""


class RevisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A numbered revision of a policy, without its files."""

    revision: int
    lock_revision: int | None
    digest: Digest
    pushed_at: datetime
    pushed_by: str | None = None
    """None where the server did not keep it yet."""


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
