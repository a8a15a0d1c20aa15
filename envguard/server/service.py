"""What every route needs, and the judging that reads from the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path

import msgspec
import sqlalchemy as sa

from envguard.domain.drift import compare
from envguard.domain.environment import Digest, Snapshot
from envguard.domain.findings.finding import Finding
from envguard.domain.policy import EarlierLock, EarlierSource, KnownPolicy, LockedPolicy, PolicySource, Waiver
from envguard.domain.verdict import Basis
from envguard.formats import earlier_locks, parse_known
from envguard.server.metrics import Metrics
from envguard.server.readiness import Readiness
from envguard.server.refusals import RefusalError
from envguard.server.store.contents import facts_with, findings_of, record_findings, snapshot_with
from envguard.server.store.database import Database
from envguard.server.store.machines import KnownMachine, known_machines, record_matches
from envguard.server.store.policies import newest_policies, newest_revisions, replaced_locks
from envguard.server.store.receipts import runs_since
from envguard.server.store.waivers import asked_waivers, waivers_in_force
from envguard.server.team import Judged, assemble, judge_machine, where_machines_differ
from envguard.wire import Difference, PolicyRevision, TeamReport


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
        self.fresh: dict[Basis, tuple[Finding, ...]] = {}
        """What was compared here and is not kept yet."""

    def snapshot(self, digest: Digest) -> Snapshot | None:
        """Answer a snapshot, or None where it is not here yet."""
        if digest not in self._snapshots:
            self._snapshots[digest] = snapshot_with(self._connection, digest)
        return self._snapshots[digest]

    def findings(self, basis: Basis, policy: LockedPolicy) -> tuple[Finding, ...] | None:
        """Answer the differences of a snapshot from a policy; None where the snapshot is not here yet."""
        if basis not in self._found:
            kept = findings_of(self._connection, basis)
            self._found[basis] = self._compare(basis, policy) if kept is None else kept
        return self._found[basis]

    def _compare(self, basis: Basis, policy: LockedPolicy) -> tuple[Finding, ...] | None:
        snapshot = self.snapshot(basis.snapshot)
        if snapshot is None:
            return None
        facts = facts_with(self._connection, basis.facts)
        found = self.fresh[basis] = compare(snapshot, facts, policy.policy.rules, policy.lock)
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


def judge_and_keep(
    service: Service, machine: str | None = None
) -> tuple[tuple[KnownMachine, tuple[Judged, ...]], ...]:
    """Answer the verdicts on every machine, or on the one with this id.

    What was compared and which environments are compliant is kept, so that later drift can say what moved.
    """
    return judge_found(service, lambda connection: known_machines(connection, machine))


def judge_found(
    service: Service, find: Callable[[sa.Connection], Iterable[KnownMachine]]
) -> tuple[tuple[KnownMachine, tuple[Judged, ...]], ...]:
    """Answer the verdicts on the machines that are found; keeps as :func:`judge_and_keep`."""
    now = service.now()
    with service.database.reading() as connection:
        policies = known_policies(connection, service.clock())
        contents = StoredContents(connection)
        judged = tuple((each, judge_machine(each, policies, contents, now)) for each in find(connection))
    matches = {each.id: found for each, verdicts in judged if (found := _new_matches(each, verdicts))}
    if matches or contents.fresh:
        revisions = {name: known.revision for name, known in policies.items()}
        with service.database.writing() as connection:
            _keep(connection, contents.fresh, matches, revisions)
    return judged


def team_report(service: Service, only: str | None = None, *, since: datetime | None = None) -> TeamReport:
    """Answer how the team stands; ``only`` is a policy's name, else RefusalError.

    ``since`` is when the reader's day began; None: the day in UTC.
    """
    with service.database.reading() as connection:
        revisions = newest_revisions(connection)
    if only is not None and only not in revisions:
        raise RefusalError(404, f"the server has no such policy: {only}", "list them: envguard policy list")
    judged = judge_and_keep(service)
    differences: tuple[Difference, ...] = ()
    with service.database.reading() as connection:
        asked = asked_waivers(connection, service.clock())
        day = since or service.now().replace(hour=0, minute=0, second=0, microsecond=0)
        today = runs_since(connection, day, policy=only)
        if not revisions:
            contents = StoredContents(connection)
            differences = where_machines_differ([machine for machine, _ in judged], contents)
    return assemble(
        judged,
        revisions,
        now=service.now(),
        interval_s=service.interval_s,
        only=only,
        differences=differences,
        asked=asked,
        today=today,
    )


def _new_matches(machine: KnownMachine, judged: Iterable[Judged]) -> dict[str, Basis]:
    return {
        known.record.path: each.basis
        for known, each in zip(machine.environments, judged, strict=True)
        if each.verdict.verdict == "compliant" and each.basis is not None and each.basis != known.matched
    }


def _keep(
    connection: sa.Connection,
    fresh: Mapping[Basis, tuple[Finding, ...]],
    matches: Mapping[str, Mapping[str, Basis]],
    revisions: Mapping[str, int | None],
) -> None:
    """Keep what was found. In one order: of two that keep the same at once, one waits for the other."""
    for basis in sorted(fresh, key=str):
        record_findings(connection, basis, fresh[basis])
    if newest_revisions(connection) != revisions:
        return  # a push came between; it knows what matched, and this would put an older match in its place
    for machine_id in sorted(matches):
        record_matches(connection, machine_id, matches[machine_id])


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
