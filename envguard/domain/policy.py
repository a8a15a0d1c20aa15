"""What the team agreed on: which Python, which packages, for whom, and who may differ until when."""

# No postponed annotations: decoding would compile each of their texts, 2 % of a cold `check`.
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from envguard.domain.calendar import Calendar
from envguard.domain.environment import Digest, digest_of
from envguard.domain.locks.lock import Lock, LockChoice

Severity = Literal["error", "warn", "info"]
"""``error`` is drift; ``warn`` and ``info`` are shown and change no verdict."""

Level = Literal["ignore", "info", "warn", "error"]
"""What to make of something that a policy may also pass over."""

BeforeRun = Literal["refuse", "warn"]
"""What happens before a run in an environment that drifted."""


MachineFact = Literal[
    "architecture",
    "blas",
    "cpu",
    "cuda",
    "glibc",
    "gpu",
    "kernel",
    "memory",
    "musl",
    "nvidia-driver",
    "os",
    "simd",
]
"""A fact of the machine that a policy can ask for."""


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
    build: str | None = None
    """What the build must say: a local version label such as ``cu121``, or a pattern for conda's build string
    or a wheel's tags; None asks for none."""


class Deny(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="deny", tag_field="rule"):
    """A package that must not be there."""

    name: str
    severity: Severity = "error"
    reason: str | None = None


PackageRule = Require | Deny


class OriginRules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What to say of packages that came from elsewhere than an index, where no lock wants just that."""

    editable: Level = "ignore"
    vcs: Level = "ignore"
    direct_url: Level = "ignore"
    """An archive or a folder that somebody named by its address."""


class MachineRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a fact of the machine must be."""

    fact: MachineFact
    expected: str
    """A version specifier, a size or level with its comparison, or a pattern: as the fact is compared."""
    severity: Severity = "error"
    reason: str | None = None


class Rules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The part of a policy that decides which findings there are; its digest is the policy's digest."""

    python: PythonRule = PythonRule()
    packages: tuple[PackageRule, ...] = ()
    """Sorted by name; a name occurs once."""
    unlisted: Level = "ignore"
    """What to say of packages that neither the lock nor a rule names."""
    choice: LockChoice = LockChoice()
    """Which of the lock's extras and groups must be there."""
    origins: OriginRules = OriginRules()
    integrity: Level = "warn"
    """What to say of files that changed after their installation."""
    broken_requirements: Level = "info"
    """What to say of requirements of installed packages that do not hold."""
    machine: tuple[MachineRule, ...] = ()
    """Sorted by fact; a fact occurs once."""


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
    environment: str | None = None
    """A pattern as ``applies-to`` has it; None: every environment that the policy judges."""
    kind: str | None = None
    """A finding kind; None: every finding about the package that could be read."""
    id: int | None = None
    """The server's number; None for one that a policy file grants."""


class Ring(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The machines that an upgrade reaches together."""

    machines: tuple[str, ...]
    """Names, patterns, or ``label:KEY=VALUE``."""
    soak_s: int = 0
    """How long the upgraded machines are watched before the next ring, in seconds."""
    at_once: int | None = None
    """How many may be at it at one time; None: all of the ring."""


class UpgradeRules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the weekly upgrade asks for, and within which limits."""

    requirements: tuple[str, ...] = ()
    """PEP 508 requirements: what is resolved, once for all."""
    minimum_release_age_s: int = 0
    """How old a release must be, in seconds."""
    indexes: tuple[str, ...] = ("default",)
    """Names; addresses and credentials are each machine's own."""
    only_wheels: bool = True
    build_allowed: tuple[str, ...] = ()
    """Normalised names that may be built although ``only_wheels`` holds."""
    unlisted: Literal["keep", "remove"] = "keep"
    missed: Literal["next-start", "skip"] = "next-start"
    """What a machine does that slept through its window."""
    rings: tuple[Ring, ...] = (Ring(machines=("*",)),)
    grace_s: int = 7 * 24 * 3600
    """How long an environment may keep its lock after a newer one was promoted, in seconds."""
    smoke: tuple[str, ...] = ()
    """Commands that must succeed in an upgraded environment."""
    halt_after_failures: int = 1


class Policy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A policy as its file says it, with where each thing stands."""

    name: str
    rules: Rules
    description: str | None = None
    lock: str | None = None
    """The lock file, relative to the policy's own folder."""
    applies_to: tuple[Selector, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    before_run: BeforeRun = "refuse"
    calendar: Calendar | None = None
    upgrade: UpgradeRules | None = None
    extends: tuple[str, ...] = ()
    """The files that this policy was laid over, the nearest first, relative to its own folder."""
    places: Mapping[str, str] = {}
    """Key path to where it is written: ``packages.gym`` -> ``rl-team.yaml:7``; a file that has no lines is
    named alone. No part of the digest."""

    @property
    def digest(self) -> Digest:
        """The digest of what ``compare`` reads: a changed comment or waiver does not change it."""
        return digest_of(self.rules)


class FurtherFile(msgspec.Struct, frozen=True):
    """A file that a policy, or its lock, names."""

    name: str
    """Its path relative to the policy's folder."""
    text: str


class PolicySource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The files of a policy as they were written; what travels and what is kept."""

    filename: str
    """The policy file's own name, without folders: errors and places use it."""
    text: str
    lock_filename: str | None = None
    lock_text: str | None = None
    further: tuple[FurtherFile, ...] = ()
    """All other files that these two name, sorted by name."""


class EarlierSource(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a lock that a newer one replaced, while it may still judge; they travel and are kept."""

    source: PolicySource
    """Of the policy's last revision that had this lock."""
    lock_revision: int
    until: datetime
    """When grace ends, aware UTC."""


class EarlierLock(msgspec.Struct, frozen=True, kw_only=True):
    """A lock that a newer one replaced, while it may still judge."""

    lock: Lock
    revision: int
    until: datetime
    """When grace ends, aware UTC."""


class LockedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy together with its lock, ready to judge."""

    policy: Policy
    lock: Lock | None
    folder: str | None = None
    """Where its files lie on this machine; None where they came from a server."""
    revision: int | None = None
    """None for a policy that no server numbered."""
    lock_revision: int | None = None
    pulled_at: datetime | None = None
    """When a person pulled it into the user's cache; None where it is a file, or the agent keeps it."""
    granted: tuple[Waiver, ...] = ()
    """What was granted by the server, beside what the policy's own file grants."""
    earlier: tuple[EarlierLock, ...] = ()
    """Locks that this one replaced so lately that they may still judge, the newest first."""

    @property
    def waivers(self) -> tuple[Waiver, ...]:
        """All permissions to differ from this policy."""
        return (*self.policy.waivers, *self.granted)


class UnusablePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that is here and cannot be read by this version of envguard: what it binds is unknown."""

    name: str
    reason: str
    revision: int | None = None


KnownPolicy = LockedPolicy | UnusablePolicy
"""What stands behind a policy's name."""
