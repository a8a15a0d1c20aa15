"""What a waiver acquits, and what becomes of one that was asked for.

Rules
1. A waiver is for one package. Machine, environment and kind narrow it; what is left out narrows nothing.
2. From its end on it acquits nothing: the finding counts again, whoever is or is not in reach.
3. What could not be read is acquitted only by a waiver that names ``unreadable``: no permission to have
   another version makes something known.
4. One that is asked for is granted or refused, once; one that is asked for or granted can be ended, once.
   Its end is in the future, and at most :data:`LONGEST_S` away.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from envguard.domain.binding import names_environment
from envguard.domain.environment import EnvironmentRecord
from envguard.domain.findings.finding import FindingKind
from envguard.domain.policy import Waiver

WaiverState = Literal["asked", "granted", "refused", "ended", "expired"]
"""``asked`` acquits nothing yet; ``expired`` is one that reached its end, asked for or granted."""

LONGEST_S = 180 * 24 * 3600
"""A longer permission is a rule, and belongs into the policy."""


def acquits(
    waiver: Waiver,
    kind: FindingKind,
    package: str | None,
    *,
    machine: str,
    record: EnvironmentRecord | None,
    now: datetime,
) -> bool:
    """Whether a finding does not count; ``record`` is None where nobody installed what is judged."""
    return (
        waiver.package == package
        and now < waiver.until
        and waiver.machine in (None, machine)
        and (waiver.kind == kind or (waiver.kind is None and kind != "unreadable"))
        and is_for(waiver, record)
    )


def is_for(waiver: Waiver, record: EnvironmentRecord | None) -> bool:
    """Whether a waiver is for this environment; one that names an environment is not for a mere lock."""
    if waiver.environment is None:
        return True
    return record is not None and names_environment(waiver.environment, record)


def first_that_acquits(
    waivers: Sequence[Waiver],
    kind: FindingKind,
    package: str | None,
    *,
    machine: str,
    record: EnvironmentRecord | None,
    now: datetime,
) -> Waiver | None:
    """Answer the permission under which a finding does not count; None where it counts."""
    for waiver in waivers:
        if acquits(waiver, kind, package, machine=machine, record=record, now=now):
            return waiver
    return None


def wrong_end(until: datetime, now: datetime) -> str | None:
    """Answer why no waiver may end then; None where it may. Both are aware."""
    if until <= now:
        return "a waiver must end in the future"
    if until - now > timedelta(seconds=LONGEST_S):
        return (
            f"a waiver ends within {LONGEST_S // (24 * 3600)} days: what lasts longer belongs into the policy"
        )
    return None
