"""The team's report, by the verdicts that are kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable
from datetime import datetime, timezone

import msgspec
import sqlalchemy as sa

from envguard.server.alike import Kept, judged_of, not_judged, over
from envguard.server.judging import judge_what_ended
from envguard.server.refusals import RefusalError
from envguard.server.service import Service, StoredContents
from envguard.server.store import cases, layouts
from envguard.server.store.machines import KnownEnvironment, KnownMachine, known_machines
from envguard.server.store.policies import newest_revisions
from envguard.server.store.receipts import runs_since
from envguard.server.store.summary import Hearing, count_machines, count_waiting
from envguard.server.store.waivers import asked_waivers
from envguard.server.team import (
    AWAY_S,
    STALE_AFTER_INTERVALS,
    Judged,
    assemble,
    is_laptop,
    where_machines_differ,
)
from envguard.wire import Difference, TeamCounts, TeamReport


class KeptVerdicts:
    """The verdicts on environments, each document read once; those that have none yet are unknown."""

    def __init__(self, connection: sa.Connection, now: datetime, only: Collection[int] | None = None) -> None:
        """Read all cases, or only these."""
        self._now_s = now.timestamp()
        self._cases = {
            number: (msgspec.json.decode(document, type=Kept), due_at_s)
            for number, (document, due_at_s) in cases.kept_documents(connection, only).items()
        }

    def on(self, environment: KnownEnvironment) -> Judged:
        """Answer the verdict on an environment."""
        record = environment.record
        kept, due_at_s = self._cases.get(environment.case or 0, (None, None))
        if kept is None:
            return not_judged(record)
        if due_at_s is not None and cases.AT_ONCE < due_at_s <= self._now_s:
            return over(kept, record, datetime.fromtimestamp(due_at_s, timezone.utc))
        return judged_of(kept, record)

    def cases_with(self, findings: Container[tuple[str, str]]) -> tuple[int, ...]:
        """Answer the cases of which a finding is one of these, each a policy and a package."""
        return tuple(
            number
            for number, (kept, _) in self._cases.items()
            if any((kept.policy, each.package) in findings for each in kept.verdict.findings)
        )

    def of(self, machine: KnownMachine) -> tuple[Judged, ...]:
        """Answer the verdict on each environment of a machine."""
        return tuple(map(self.on, machine.environments))


def team_report(service: Service, only: str | None = None, *, since: datetime | None = None) -> TeamReport:
    """Answer how the team stands; ``only`` is a policy's name, else RefusalError.

    ``since`` is when the reader's day began; None: the day in UTC.
    """
    judge_what_ended(service)
    now = service.now()
    day = since or now.replace(hour=0, minute=0, second=0, microsecond=0)
    with service.database.reading() as connection:
        revisions = _revisions(connection, only)
        machines = known_machines(connection)
        verdicts = KeptVerdicts(connection, now)
        differences: tuple[Difference, ...] = ()
        if not revisions:
            differences = where_machines_differ(machines, StoredContents(connection))
        return assemble(
            tuple((machine, verdicts.of(machine)) for machine in machines),
            revisions,
            now=now,
            interval_s=service.interval_s,
            only=only,
            differences=differences,
            asked=asked_waivers(connection, service.clock()),
            today=runs_since(connection, day, policy=only),
            waiting=_waiting(connection),
        )


def kept_verdicts_on(
    service: Service, find: Callable[[sa.Connection], Iterable[KnownMachine]]
) -> tuple[tuple[KnownMachine, tuple[Judged, ...]], ...]:
    """Answer the machines that are found, with the verdicts on their environments."""
    judge_what_ended(service)
    with service.database.reading() as connection:
        machines = tuple(find(connection))
        found = {each.case for machine in machines for each in machine.environments}
        verdicts = KeptVerdicts(connection, service.now(), [case for case in found if case is not None])
        return tuple((machine, verdicts.of(machine)) for machine in machines)


def team_counts(service: Service) -> TeamCounts:
    """Answer how many machines stand how, without naming them."""
    judge_what_ended(service)
    now = service.now()
    hearing = Hearing(
        silent_before_s=now.timestamp() - STALE_AFTER_INTERVALS * service.interval_s,
        away_since_s=now.timestamp() - AWAY_S,
        is_laptop=is_laptop,
    )
    with service.database.reading() as connection:
        return TeamCounts(
            as_of=now,
            summary=count_machines(connection, hearing),
            policies=newest_revisions(connection),
            waiting=count_waiting(connection),
        )


def _revisions(connection: sa.Connection, only: str | None) -> dict[str, int]:
    revisions = newest_revisions(connection)
    if only is not None and only not in revisions:
        raise RefusalError(404, f"the server has no such policy: {only}", "list them: envguard policy list")
    return revisions


def _waiting(connection: sa.Connection) -> dict[str, frozenset[str]]:
    """Answer the machines that are laid out by an older layout, with the policies whose pushes moved it."""
    behind = layouts.machines_behind(connection, layouts.newest_layout(connection).number)
    moved = {number: layouts.policies_waited_for(connection, number) for number in set(behind.values())}
    return {machine: moved[number] for machine, number in behind.items()}
