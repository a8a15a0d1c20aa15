"""What the team agreed on: which Python, which packages, for whom, and who may differ until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from envguard.domain.environment import Digest, digest_of
from envguard.domain.lock import Lock

Severity = Literal["error", "warn", "info"]
"""``error`` is drift; ``warn`` and ``info`` are shown and change no verdict."""

Unlisted = Literal["ignore", "warn", "error"]
"""What to say of packages that neither the lock nor a rule names."""


class PythonRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which interpreter an environment must have; None asks nothing."""

    version: str | None = None
    """A PEP 440 specifier set."""
    implementation: str | None = None
    """Such as ``CPython``; compared without case."""
    free_threaded: bool | None = None


class Require(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="require", tag_field="rule"):
    """A package that must be there, in certain versions."""

    name: str
    """Normalised (PEP 503)."""
    specifier: str = ""
    """A PEP 440 specifier set; empty: any version."""
    severity: Severity = "error"
    reason: str | None = None
    optional: bool = False
    """Judged only where it is installed."""


class Deny(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="deny", tag_field="rule"):
    """A package that must not be there."""

    name: str
    severity: Severity = "error"
    reason: str | None = None


PackageRule = Require | Deny


class Rules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The part of a policy that ``compare`` reads; its digest is the policy's digest."""

    python: PythonRule = PythonRule()
    packages: tuple[PackageRule, ...] = ()
    """Sorted by name; a name occurs once."""
    unlisted: Unlisted = "ignore"


class Selector(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which environments on which machines a policy is for: one of each list must match."""

    environments: tuple[str, ...] = ("*",)
    machines: tuple[str, ...] = ("*",)


class Waiver(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A permission to differ: who, what, why, until when."""

    package: str
    """Normalised; the finding's package."""
    until: datetime
    """Aware UTC; from this moment on the finding counts again."""
    reason: str
    approved_by: str
    machine: str | None = None
    """A machine's name; None: all machines."""
    kind: str | None = None
    """A finding kind; None: every finding about the package."""


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A policy as its file says it, with where each thing stands."""

    name: str
    rules: Rules
    description: str | None = None
    lock: str | None = None
    """The lock file as the policy writes it, relative to the policy's own folder."""
    applies_to: tuple[Selector, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    places: Mapping[str, str] = {}
    """Key path to ``file:line``: ``packages.gym`` -> ``rl-team.yaml:7``. No part of the digest."""

    @property
    def digest(self) -> Digest:
        """The digest of what ``compare`` reads: a changed comment or waiver does not change it."""
        return digest_of(self.rules)


class PolicySource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The files of a policy as they were written; what travels and what is kept."""

    filename: str
    """The policy file's own name, without folders: errors and places use it."""
    text: str
    lock_filename: str | None = None
    lock_text: str | None = None


class LockedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy together with its lock, ready to judge."""

    policy: Policy
    lock: Lock | None
    revision: int | None = None
    """None for a policy that no server numbered."""
    lock_revision: int | None = None


class UnusablePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that is here and cannot be read by this version of envguard: what it binds is unknown."""

    name: str
    reason: str
    revision: int | None = None


KnownPolicy = LockedPolicy | UnusablePolicy
"""What stands behind a policy's name."""
