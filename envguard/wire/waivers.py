"""Permissions to differ: asking, deciding, listing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import msgspec

from envguard.domain.environment import Digest, digest_of
from envguard.domain.findings.finding import FindingKind
from envguard.domain.policy import Waiver
from envguard.domain.waiver import WaiverState


class WaiverRequest(msgspec.Struct, frozen=True, kw_only=True):
    """``POST waivers``: a permission to differ. Of a lead it is granted at once, of others asked for."""

    policy: str
    package: str
    until: Annotated[datetime, msgspec.Meta(tz=True)]
    reason: str
    machine: str | None = None
    """A machine's name; None: all machines. A machine asks for itself only."""
    environment: str | None = None
    """A pattern as ``applies-to`` has it."""
    kind: FindingKind | None = None


class WaiverDecision(msgspec.Struct, frozen=True):
    """``POST waivers/{id}/approve``, ``refuse`` and ``end``."""

    reason: str | None = None


class WaiverStep(msgspec.Struct, frozen=True, kw_only=True):
    """Who did something about a waiver, and when by the server's clock."""

    by: str
    """A machine's name, or ``admin``."""
    at: datetime
    reason: str | None = None


class AcquittedFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that does not count, where it is."""

    machine: str
    environment: str
    kind: FindingKind


class WaiverEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A waiver, what became of it, and what it is good for now."""

    id: int | None
    """None for one that a policy file grants."""
    policy: str
    package: str
    machine: str | None
    environment: str | None
    kind: str | None
    until: datetime
    reason: str
    state: WaiverState
    approved_by: str | None = None
    """None where nobody approved it."""
    asked: WaiverStep | None = None
    """None for one that a policy file grants, as are the other two."""
    decided: WaiverStep | None = None
    """The approval or the refusal."""
    ended: WaiverStep | None = None
    """Who ended it before its time."""
    acquits: tuple[AcquittedFinding, ...] = ()
    """The findings that it covers now; of one that is asked for, those that it would."""


class WaiverReply(msgspec.Struct, frozen=True, tag_field="schema", tag="envguard/waiver/1"):
    """What was asked for, granted, refused or ended."""

    waiver: WaiverEntry


class Waivers(msgspec.Struct, frozen=True, tag_field="schema", tag="envguard/waivers/1"):
    """``GET waivers``: those that are asked for, then those in force; with ``?all=1`` also the others."""

    waivers: tuple[WaiverEntry, ...]


class _Held(msgspec.Struct, frozen=True):
    waivers: tuple[Waiver, ...]


def entry_of_file(policy: str, waiver: Waiver, now: datetime) -> WaiverEntry:
    """Answer the entry of a waiver that a policy's file grants; ``now`` is aware."""
    return WaiverEntry(
        id=None,
        policy=policy,
        package=waiver.package,
        machine=waiver.machine,
        environment=waiver.environment,
        kind=waiver.kind,
        until=waiver.until,
        reason=waiver.reason,
        state="granted" if now < waiver.until else "expired",
        approved_by=waiver.approved_by,
    )


def waivers_digest(waivers: Iterable[Waiver]) -> Digest:
    """Answer the one hash over the server's waivers that a machine holds, whatever their order."""
    return digest_of(_Held(tuple(sorted(waivers, key=lambda waiver: waiver.id or 0))))
