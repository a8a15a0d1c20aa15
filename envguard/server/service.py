"""What every route needs, and what judging reads from the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path

import msgspec
import sqlalchemy as sa

from envguard.domain.drift import compare, reads_facts
from envguard.domain.environment import Digest, Snapshot
from envguard.domain.findings.finding import Finding
from envguard.domain.policy import EarlierLock, EarlierSource, KnownPolicy, LockedPolicy, PolicySource, Waiver
from envguard.domain.verdict import Basis
from envguard.formats import earlier_locks, parse_known
from envguard.server.metrics import Metrics
from envguard.server.readiness import Readiness
from envguard.server.store.contents import NO_FACTS, facts_with, findings_of, snapshot_with
from envguard.server.store.database import Database
from envguard.server.store.policies import newest_policies, replaced_locks
from envguard.server.store.waivers import waivers_in_force
from envguard.wire import PolicyRevision


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """The database, the clock and the settings of a server."""

    database: Database
    clock: Callable[[], float]
    """Seconds since the epoch."""
    url: str
    """The address that join strings carry."""
    authority: str | None = None
    """The certificate that machines pin, as PEM; None: they know the server by what they trust anyhow."""
    interval_s: float
    proxies: frozenset[str] = frozenset()
    """The addresses of proxies in front, which tell from where a request comes."""
    metrics: Metrics = msgspec.field(default_factory=Metrics)
    readiness: Readiness = msgspec.field(default_factory=Readiness)
    certificates: Mapping[str, Path] = {}
    """The files of what machines trust, ``certificate`` and ``authority``: when they end is told."""

    def now(self) -> datetime:
        """Answer the time, aware UTC."""
        return datetime.fromtimestamp(self.clock(), timezone.utc)


class StoredContents:
    """Documents of the store, each read once; a comparison is done only where none is kept."""

    def __init__(self, connection: sa.Connection) -> None:
        """Read by this transaction, for as long as it is open."""
        self._connection = connection
        self._snapshots: dict[Digest, Snapshot | None] = {}
        self._found: dict[Basis, tuple[Finding, ...] | None] = {}
        self._facts_matter: dict[tuple[Digest, Digest | None], bool] = {}
        self.fresh: dict[Basis, tuple[Finding, ...]] = {}
        """What was compared here and is not kept yet."""

    def snapshot(self, digest: Digest) -> Snapshot | None:
        """Answer a snapshot, or None where it is not here yet."""
        if digest not in self._snapshots:
            self._snapshots[digest] = snapshot_with(self._connection, digest)
        return self._snapshots[digest]

    def findings(self, basis: Basis, policy: LockedPolicy) -> tuple[Finding, ...] | None:
        """Answer the differences of a snapshot from a policy; None where the snapshot is not here yet."""
        read = basis if self._reads_facts(basis, policy) else msgspec.structs.replace(basis, facts=NO_FACTS)
        if read not in self._found:
            kept = findings_of(self._connection, read)
            self._found[read] = self._compare(basis, read, policy) if kept is None else kept
        return self._found[read]

    def _reads_facts(self, basis: Basis, policy: LockedPolicy) -> bool:
        key = basis.policy, basis.lock
        if key not in self._facts_matter:
            self._facts_matter[key] = reads_facts(policy.policy.rules, policy.lock)
        return self._facts_matter[key]

    def _compare(self, basis: Basis, read: Basis, policy: LockedPolicy) -> tuple[Finding, ...] | None:
        snapshot = self.snapshot(basis.snapshot)
        if snapshot is None:
            return None
        facts = facts_with(self._connection, basis.facts)
        found = self.fresh[read] = compare(snapshot, facts, policy.policy.rules, policy.lock)
        return found


def known_policies(connection: sa.Connection, now_s: float) -> dict[str, KnownPolicy]:
    """Answer the newest revision of each policy with its waivers, or why this version cannot read it."""
    granted = waivers_in_force(connection, now_s)
    return {
        each.name: _known(each, granted.get(each.name, ())) for each in current_revisions(connection, now_s)
    }


def current_revisions(connection: sa.Connection, now_s: float) -> tuple[PolicyRevision, ...]:
    """Answer the newest revision of each policy, with the earlier locks that may still judge."""
    return tuple(
        msgspec.structs.replace(each, earlier=_in_grace(connection, each, now_s))
        for each in newest_policies(connection)
    )


def _in_grace(connection: sa.Connection, revision: PolicyRevision, now_s: float) -> tuple[EarlierSource, ...]:
    known = _parse(revision.name, revision.source, revision.revision, revision.lock_revision)
    if not isinstance(known, LockedPolicy) or known.policy.upgrade is None or revision.lock_revision is None:
        return ()
    grace_s = known.policy.upgrade.grace_s
    return replaced_locks(connection, revision, grace_s=grace_s, now_s=now_s)


def _known(revision: PolicyRevision, granted: tuple[Waiver, ...]) -> KnownPolicy:
    known = _parse(revision.name, revision.source, revision.revision, revision.lock_revision)
    if not isinstance(known, LockedPolicy):
        return known
    earlier = _earlier(revision.name, revision.earlier)
    return msgspec.structs.replace(known, granted=granted, earlier=earlier)


@lru_cache(maxsize=64)
def _earlier(name: str, sources: tuple[EarlierSource, ...]) -> tuple[EarlierLock, ...]:
    """Parse earlier locks once."""
    return earlier_locks(name, sources)


@lru_cache(maxsize=256)
def _parse(name: str, source: PolicySource, revision: int, lock_revision: int | None) -> KnownPolicy:
    """Parse a revision's files once."""
    return parse_known(name, source, revision=revision, lock_revision=lock_revision)
