"""What is kept between two starts of the agent, in the words of the domain."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from envguard.domain.binding import Machine
from envguard.domain.environment import Digest, EnvironmentRecord, Integrity
from envguard.domain.policy import EarlierSource, PolicySource, Waiver
from envguard.domain.verdict import Verdict


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who this machine is to its server. The secret is in a file of its own."""

    machine: str
    """The id that this machine made for itself; the server never shows it to people."""
    name: str
    labels: Mapping[str, str] = {}
    url: str
    """The server's address."""
    authority: str | None = None
    """The fingerprint of ``ca.pem``, which signs the server's certificate; None: this machine's trust."""
    interval_s: float
    roots: tuple[str, ...] = ()
    """Where to look for environments; empty: the homes."""
    machine_id: str | None = None
    """The operating system's id when it joined: another one means that the disk was copied."""

    def as_machine(self) -> Machine:
        """Answer it as policies see it."""
        return Machine(name=self.name, labels=self.labels)


class Sequence(msgspec.Struct, frozen=True):
    """Orders what a machine says: within an epoch, a higher number is newer."""

    epoch: str
    seq: int


class KeptPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy as the server sent it last, kept to judge by while the server is away."""

    name: str
    revision: int
    lock_revision: int | None
    source: PolicySource
    received_at: datetime
    waivers: tuple[Waiver, ...] = ()
    """What the server granted beside it, as far as this machine is concerned."""
    earlier: tuple[EarlierSource, ...] = ()
    """Locks that its lock replaced lately."""


class KeptCheck(msgspec.Struct, frozen=True, kw_only=True):
    """When the installed files of an environment were last looked at, and what was found."""

    digest: Digest
    """Of the environment then: the result belongs to that content."""
    tried_at: datetime
    found: Integrity | None = None
    """None where the try did not come to its end."""

    def found_of(self, record: EnvironmentRecord) -> Integrity | None:
        """Answer what was found, if it was found of this very content."""
        return self.found if self.digest == record.digest else None

    def told_of(self, record: EnvironmentRecord) -> EnvironmentRecord:
        """Answer the record with what was found of this very content."""
        return msgspec.structs.replace(record, integrity=self.found_of(record))


class KeptHang(msgspec.Struct, frozen=True, kw_only=True):
    """A place at which a scan hung."""

    path: bytes
    """As the file system has it."""
    at: datetime


class LastStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the last round went."""

    scanned_at: datetime | None = None
    contacted_at: datetime | None = None
    """When the server last answered as it should."""
    error: str | None = None
    """Why the last round did not reach the server, or could not scan; None where all went well."""
    is_incomplete: bool = False
    verdicts: tuple[Verdict, ...] = ()
