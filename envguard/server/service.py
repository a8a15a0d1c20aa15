"""What every route needs, and the judging that reads from the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from functools import lru_cache

import msgspec
import sqlalchemy as sa

from envguard.domain.drift import Finding, compare
from envguard.domain.environment import Digest, Snapshot
from envguard.domain.policy import LockedPolicy, PolicySource
from envguard.domain.verdict import Basis
from envguard.formats import parse_source
from envguard.server.refusals import RefusalError
from envguard.server.store.contents import facts_with, findings_of, record_findings, snapshot_with
from envguard.server.store.database import Database
from envguard.server.store.machines import KnownMachine, known_machines, record_match
from envguard.server.store.policies import newest_policies, newest_revisions
from envguard.server.team import Judged, assemble, differences_between, judge_machine
from envguard.wire import Difference, PolicyRevision, TeamReport


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """The database, the clock and the settings of a server."""

    database: Database
    clock: Callable[[], float]
    """Seconds since the epoch."""
    url: str
    """The address that join strings carry."""
    interval_s: float

    def now(self) -> datetime:
        """Answer the time, aware UTC."""
        return datetime.fromtimestamp(self.clock(), timezone.utc)


class StoredContents:
    """Documents of the store, each read once; a comparison is done only where none is kept."""

    def __init__(self, connection: sa.Connection) -> None:
        """Read by this transaction, for as long as it is open."""
        self._connection = connection
        self._snapshots: dict[Digest, Snapshot | None] = {}
        self._found: dict[Basis, tuple[Finding, ...]] = {}
        self.fresh: dict[Basis, tuple[Finding, ...]] = {}
        """What was compared here and is not kept yet."""

    def snapshot(self, digest: Digest) -> Snapshot | None:
        """Answer a snapshot, or None where it is not here yet."""
        if digest not in self._snapshots:
            self._snapshots[digest] = snapshot_with(self._connection, digest)
        return self._snapshots[digest]

    def findings(self, basis: Basis, policy: LockedPolicy) -> tuple[Finding, ...]:
        """Answer the differences of a snapshot that is here from a policy."""
        if basis not in self._found:
            kept = findings_of(self._connection, basis)
            if kept is None:
                kept = self.fresh[basis] = self._compare(basis, policy)
            self._found[basis] = kept
        return self._found[basis]

    def _compare(self, basis: Basis, policy: LockedPolicy) -> tuple[Finding, ...]:
        snapshot = self.snapshot(basis.snapshot)
        if snapshot is None:
            raise LookupError(basis.snapshot)
        facts = facts_with(self._connection, basis.facts)
        return compare(snapshot, facts, policy.policy.rules, policy.lock)


def locked_policies(connection: sa.Connection) -> dict[str, LockedPolicy]:
    """Answer the newest revision of each policy, ready to judge."""
    return {each.name: locked(each) for each in newest_policies(connection)}


def locked(revision: PolicyRevision) -> LockedPolicy:
    """Answer a revision ready to judge; its files are parsed once."""
    return _parse(revision.source, revision.revision, revision.lock_revision)


def judge_and_keep(
    service: Service, machine: str | None = None
) -> tuple[tuple[KnownMachine, tuple[Judged, ...]], ...]:
    """Answer the verdicts on every machine, or on the one with this id.

    What was compared and which environments are compliant is kept, so that later drift can say what moved.
    """
    now = service.now()
    with service.database.reading() as connection:
        policies = locked_policies(connection)
        contents = StoredContents(connection)
        judged = tuple(
            (each, judge_machine(each, policies, contents, now))
            for each in known_machines(connection, machine)
        )
    matches = list(_new_matches(judged))
    if matches or contents.fresh:
        with service.database.writing() as connection:
            for basis, findings in contents.fresh.items():
                record_findings(connection, basis, findings)
            for machine_id, path, basis in matches:
                record_match(connection, machine_id, path, basis)
    return judged


def team_report(service: Service, only: str | None = None) -> TeamReport:
    """Answer how the team stands; ``only`` is a policy's name, else RefusalError."""
    with service.database.reading() as connection:
        revisions = newest_revisions(connection)
    if only is not None and only not in revisions:
        raise RefusalError(404, f"the server has no such policy: {only}", "list them: envguard policy list")
    judged = judge_and_keep(service)
    differences: tuple[Difference, ...] = ()
    if not revisions:
        with service.database.reading() as connection:
            contents = StoredContents(connection)
            differences = differences_between([machine for machine, _ in judged], contents)
    return assemble(
        judged,
        revisions,
        now=service.now(),
        interval_s=service.interval_s,
        only=only,
        differences=differences,
    )


def _new_matches(
    judged: Iterable[tuple[KnownMachine, tuple[Judged, ...]]],
) -> Iterable[tuple[str, str, Basis]]:
    for machine, verdicts in judged:
        for known, each in zip(machine.environments, verdicts, strict=True):
            if each.verdict.verdict == "compliant" and each.basis is not None and each.basis != known.matched:
                yield machine.id, known.record.path, each.basis


@lru_cache(maxsize=256)
def _parse(source: PolicySource, revision: int, lock_revision: int | None) -> LockedPolicy:
    return parse_source(source, revision=revision, lock_revision=lock_revision)
