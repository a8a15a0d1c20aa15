"""The team as lists: machines, environments, findings, and who has a package; a page at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from envguard.domain.environment import Digest, EnvironmentKind
from envguard.domain.findings.finding import FindingKind
from envguard.domain.policy import Severity
from envguard.domain.verdict import Moved, Outcome

State = Literal["online", "stale", "away", "retired"]
"""Whether a machine is heard."""


class MachineRow(msgspec.Struct, frozen=True, kw_only=True):
    """A machine; its verdict is the worst of its environments."""

    machine: str
    state: State
    verdict: Outcome
    seen: datetime
    """The server's receive time."""
    labels: dict[str, str]
    policies: tuple[str, ...]
    """By which its environments are judged."""
    environments: int
    drifted: int
    """Of its environments."""
    errors: int
    """Findings that count, in all of them."""
    reason: str | None
    """Why the machine itself is unknown; null where its environments decide."""


class EnvironmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """An environment of a machine, judged."""

    machine: str
    state: State
    environment: str
    """Its path."""
    kind: EnvironmentKind
    owner: str | None
    project: str | None
    digest: Digest
    verdict: Outcome
    policy: str | None
    """Null where no policy applies, or where it could not be said which."""
    revision: int | None
    lock: int | None
    """The lock's revision."""
    errors: int
    """Findings that count."""
    reason: str | None
    """Why it is unknown, where no finding says so."""


class FindingRow(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which an environment differs from its policy."""

    machine: str
    state: State
    environment: str
    """Its path."""
    policy: str | None
    revision: int | None
    kind: FindingKind
    package: str | None
    severity: Severity
    expected: str | None
    actual: str | None
    reason: str | None
    place: str | None
    """Where the policy says so."""
    fix: str | None
    moved: Moved | None
    waived_by: str | None
    """Who permitted it; null where it counts."""
    waived_until: datetime | None


class PackageRow(msgspec.Struct, frozen=True, kw_only=True):
    """An environment that has a package."""

    machine: str
    seen: datetime
    """When the server heard of the machine last."""
    environment: str
    """Its path."""
    kind: EnvironmentKind
    owner: str | None
    package: str
    versions: tuple[str, ...]
    """One, but where it is installed twice."""
    digest: Digest


class MachinesPage(msgspec.Struct, frozen=True, kw_only=True):
    """``GET team/machines``."""

    rows: tuple[MachineRow, ...]
    next: str | None
    """The ``cursor`` of the page after this one; null at the end. A page may have fewer rows than asked."""
    count: int | None = None
    """Of all pages; null where it was not asked for."""


class EnvironmentsPage(msgspec.Struct, frozen=True, kw_only=True):
    """``GET team/environments``."""

    rows: tuple[EnvironmentRow, ...]
    next: str | None
    count: int | None = None


class FindingsPage(msgspec.Struct, frozen=True, kw_only=True):
    """``GET team/findings``."""

    rows: tuple[FindingRow, ...]
    next: str | None
    count: int | None = None


class PackagePage(msgspec.Struct, frozen=True, kw_only=True):
    """``GET team/packages/{package}``."""

    rows: tuple[PackageRow, ...]
    next: str | None
    count: int | None = None
