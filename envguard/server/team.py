"""Assembles the team report: judges what machines have, by the policies that bind it. Pure.

Rules
1. A machine's verdict is the worst of its environments; one that is silent for three intervals is unknown,
   and so is one that has sent no records yet. What it had is still shown.
   One that said goodbye, or is silent and labelled a laptop, is away for a week: it keeps its last verdict,
   and is counted as away and as nothing else.
2. A machine of which not all was seen is not compliant: what was not seen may have drifted. What was seen to
   have drifted did.
3. Where two speak as one machine it is unknown, and both are named.
4. What a policy binds that this version cannot read is unknown; the other policies judge as before.
5. With a policy's name, only the environments that it governs, and the machines that have one.
6. Where there is no policy at all, the report names the packages in which machines differ.
7. A machine is told how many stand how, and of itself: what others have, ask and run is for people.
8. Who is not judged by a newer revision yet is what he was, and what he waits for stands beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Protocol

import msgspec

from envguard.domain.binding import Binding, Bound, Conflict, Machine, Unbound, bind, selectors_of
from envguard.domain.drift import ENGINE
from envguard.domain.environment import Digest, Environment, EnvironmentRecord, Snapshot
from envguard.domain.findings.finding import Finding, ranked
from envguard.domain.findings.modified import modified_findings
from envguard.domain.grace import HasVerdict, judge_in_grace
from envguard.domain.policy import Deny, KnownPolicy, LockedPolicy, UnusablePolicy
from envguard.domain.verdict import (
    Basis,
    Outcome,
    PolicyRef,
    Verdict,
    judge,
    undecided,
    unmanaged,
    what_moved,
    worst,
)
from envguard.report.differing import differences_between, packages_for_projects
from envguard.runs.judging import broken_marker, conflict_reason, reference, unusable_reason
from envguard.server.pending import pending_in, with_pending
from envguard.server.speaking import Speaker, Speakers, decode_speakers
from envguard.server.store.machines import KnownEnvironment, KnownMachine
from envguard.wire import (
    AskedWaiver,
    Difference,
    GovernedEnvironment,
    MachineCopy,
    MachineState,
    RunsOfDay,
    TeamMachine,
    TeamReport,
    summary_of,
    team_environment,
)

STALE_AFTER_INTERVALS = 3
AWAY_S = 7 * 24 * 3600.0
LAPTOP = "laptop"
"""A label of this name, or with this value, says that a machine is one."""
_NOT = ("0", "false", "no")


class Contents(Protocol):
    """What judging reads by digest."""

    def snapshot(self, digest: Digest) -> Snapshot | None:
        """Answer a snapshot, or None where it is not here yet."""

    def findings(self, basis: Basis, policy: LockedPolicy) -> tuple[Finding, ...] | None:
        """Answer the differences of a snapshot from a policy; None where the snapshot is not here yet."""


class Judged(HasVerdict, frozen=True):
    """A verdict, its binding, and the digests behind it where anything was compared."""

    binding: Binding
    basis: Basis | None = None


def judge_machine(
    machine: KnownMachine, policies: Mapping[str, KnownPolicy], contents: Contents, now: datetime
) -> tuple[Judged, ...]:
    """Answer the verdict on each environment of a machine."""
    selectors = selectors_of(policies)
    person_name = Machine(machine.name, machine.labels)
    return tuple(
        judge_environment(each, machine, bind(each.record, person_name, selectors), policies, contents, now)
        for each in machine.environments
    )


def assemble(
    machines: Sequence[tuple[KnownMachine, tuple[Judged, ...]]],
    policies: Mapping[str, int],
    *,
    now: datetime,
    interval_s: float,
    only: str | None = None,
    differences: tuple[Difference, ...] = (),
    asked: tuple[AskedWaiver, ...] = (),
    today: RunsOfDay | None = None,
    waiting: Mapping[str, Collection[str]] = {},
) -> TeamReport:
    """Answer the report; ``only`` is a policy's name.

    ``waiting`` are the ids of machines of which it is not known yet what binds them since a push, with the
    policies that were pushed.
    """
    shown = {name: number for name, number in policies.items() if only in (None, name)}
    rows = []
    for machine, judged in machines:
        kept = tuple(each.verdict for each in judged if only is None or concerns(each.binding, only))
        if kept or only is None:
            row = _machine(machine, kept, now, interval_s)
            rows.append(with_pending(row, shown, waiting.get(machine.id, ())))
    return TeamReport(
        as_of=now,
        summary=summary_of(rows),
        machines=tuple(rows),
        policies=shown,
        pending=pending_in(rows, shown),
        differences=differences,
        asked=tuple(each for each in asked if only in (None, each.policy)),
        today=today,
    )


def as_told_to(machine: str, report: TeamReport) -> TeamReport:
    """Answer as much of the report as the machine of this name is told (rule 7)."""
    return msgspec.structs.replace(
        report,
        machines=tuple(each for each in report.machines if each.name == machine),
        differences=(),
        asked=tuple(each for each in report.asked if each.by == machine),
        today=None,
        is_summary=True,
    )


def where_machines_differ(machines: Iterable[KnownMachine], contents: Contents) -> tuple[Difference, ...]:
    """Answer the packages of which machines have different versions, in what was made for projects."""
    return differences_between((machine.name, _packages_of(machine, contents)) for machine in machines)


def governed(
    machines: Iterable[KnownMachine], policies: Mapping[str, KnownPolicy], name: str
) -> tuple[GovernedEnvironment, ...]:
    """Answer the environments that a policy judges."""
    selectors = selectors_of(policies)
    return _each_once(
        (machine.name, each.record)
        for machine in machines
        for each in machine.environments
        if bind(each.record, Machine(machine.name, machine.labels), selectors) in _bound_to(name)
    )


def holders(
    machines: Iterable[KnownMachine], policy: LockedPolicy, contents: Contents
) -> tuple[GovernedEnvironment, ...]:
    """Answer the environments that hold at least half of the packages that a policy asks for."""
    asked = {rule.name for rule in policy.policy.rules.packages if not isinstance(rule, Deny)}
    if not asked and policy.lock is not None:
        asked = {package.name for package in policy.lock.packages}
    found: list[tuple[str, EnvironmentRecord]] = []
    for machine in machines:
        for each in machine.environments:
            snapshot = contents.snapshot(each.record.digest)
            held = asked.intersection(package.name for package in snapshot.packages) if snapshot else ()
            if held and 2 * len(held) >= len(asked):
                found.append((machine.name, each.record))
    return _each_once(found)


def concerns(binding: Binding, policy: str) -> bool:
    """Whether a policy judges what is bound so, or is one of several that would."""
    if isinstance(binding, Conflict):
        return policy in binding.policies
    return isinstance(binding, Bound) and binding.policy == policy


def _each_once(found: Iterable[tuple[str, EnvironmentRecord]]) -> tuple[GovernedEnvironment, ...]:
    """One that several machines reach over a shared file system is one, where the first of them has it."""
    once: dict[str | tuple[str, str], GovernedEnvironment] = {}
    for machine, record in found:
        key = record.shared_as or (machine, record.path)
        known = once.get(key)
        if known is None:
            once[key] = GovernedEnvironment(machine, record.path)
        elif machine not in (known.machine, *known.also_on):
            once[key] = msgspec.structs.replace(known, also_on=(*known.also_on, machine))
    return tuple(once.values())


def judge_environment(
    environment: KnownEnvironment,
    machine: KnownMachine,
    binding: Binding,
    policies: Mapping[str, KnownPolicy],
    contents: Contents,
    now: datetime,
) -> Judged:
    """Answer the verdict on one environment, by what binds it."""
    record = environment.record
    broken = _broken(record, contents)
    if broken is not None:
        return Judged(undecided(record, None, broken), binding)
    match binding:
        case Unbound():
            return Judged(unmanaged(record), binding)
        case Conflict():
            return Judged(undecided(record, None, conflict_reason(binding)), binding)
        case Bound():
            return _by_policy(environment, machine, binding, policies.get(binding.policy), contents, now)


def _by_policy(
    environment: KnownEnvironment,
    machine: KnownMachine,
    binding: Bound,
    governing: KnownPolicy | None,
    contents: Contents,
    now: datetime,
) -> Judged:
    match governing:
        case LockedPolicy():
            return judge_in_grace(
                governing, now, lambda by: _compare(environment, machine, binding, by, contents, now)
            )
        case UnusablePolicy():
            ref = PolicyRef(name=governing.name, revision=governing.revision)
            return Judged(undecided(environment.record, ref, unusable_reason(governing)), binding)
        case None:
            reason = f"names policy `{binding.policy}`, which the server does not have"
            return Judged(undecided(environment.record, None, reason), binding)


def _compare(
    environment: KnownEnvironment,
    machine: KnownMachine,
    binding: Bound,
    governing: LockedPolicy,
    contents: Contents,
    now: datetime,
) -> Judged:
    record, policy = environment.record, governing.policy
    basis = _basis(machine, record, governing)
    findings = None if basis is None else contents.findings(basis, governing)
    if basis is None or findings is None:
        reason = "what it contains has not reached the server yet"
        return Judged(undecided(record, reference(governing), reason), binding)
    snapshot = contents.snapshot(record.digest) if record.integrity is not None else None
    modified = modified_findings(record, snapshot, policy.rules.integrity) if snapshot is not None else ()
    verdict = judge(
        ranked([*findings, *modified]),
        record,
        governing.waivers,
        now,
        machine=machine.name,
        policy=reference(governing),
        places=policy.places,
        moved=what_moved(environment.matched, basis),
    )
    return Judged(verdict, binding, basis)


def _basis(machine: KnownMachine, record: EnvironmentRecord, governing: LockedPolicy) -> Basis | None:
    if machine.facts is None:
        return None
    return Basis(
        snapshot=record.digest,
        facts=machine.facts,
        policy=governing.policy.digest,
        lock=governing.lock.digest if governing.lock is not None else None,
        engine=ENGINE,
    )


def _broken(record: EnvironmentRecord, contents: Contents) -> str | None:
    if not any(detail.package is None for detail in record.details):
        return None
    snapshot = contents.snapshot(record.digest)
    return None if snapshot is None else broken_marker(Environment(record, snapshot))


def _bound_to(name: str) -> tuple[Bound, ...]:
    return Bound(name, "use"), Bound(name, "marker"), Bound(name, "applies-to")


def _machine(
    machine: KnownMachine, verdicts: tuple[Verdict, ...], now: datetime, interval_s: float
) -> TeamMachine:
    seen = datetime.fromtimestamp(machine.seen_at_s, timezone.utc)
    state = state_of(machine, now, interval_s)
    outcome = worst([each.verdict for each in verdicts])
    two = _two_of(machine)
    if two is not None:
        reason: str | None = f"two machines speak as it: {two.names}"
    elif state == "stale":
        reason = f"silent since {seen:%Y-%m-%d %H:%M} UTC"
    else:
        reason = _undecided_because(machine, outcome)
    return TeamMachine(
        name=machine.name,
        state=state,
        verdict=outcome if reason is None else "unknown",
        seen=seen,
        environments=tuple(map(team_environment, verdicts)),
        reason=reason,
        copies=() if two is None else tuple(map(_copy, two.both)),
    )


def state_of(machine: KnownMachine, now: datetime, interval_s: float) -> MachineState:
    """Answer whether a machine is heard."""
    silent_s = now.timestamp() - machine.seen_at_s
    if machine.left_at_s is not None and machine.left_at_s >= machine.seen_at_s:
        return "away" if now.timestamp() - machine.left_at_s < AWAY_S else "stale"
    if silent_s <= STALE_AFTER_INTERVALS * interval_s:
        return "online"
    return "away" if is_laptop(machine.labels) and silent_s < AWAY_S else "stale"


def is_laptop(labels: Mapping[str, str]) -> bool:
    """Whether labels say that a machine is a laptop."""
    return LAPTOP in labels.values() or labels.get(LAPTOP, "no").lower() not in _NOT


def _two_of(machine: KnownMachine) -> Speakers | None:
    speakers = None if machine.speakers is None else decode_speakers(machine.speakers)
    return speakers if speakers is not None and speakers.are_two else None


def _copy(speaker: Speaker) -> MachineCopy:
    at = datetime.fromtimestamp(speaker.at_s, timezone.utc)
    return MachineCopy(host=speaker.host, address=speaker.address, seen=at)


def _undecided_because(machine: KnownMachine, outcome: Outcome) -> str | None:
    """Answer why a machine that is heard is unknown whatever its environments are; None where they decide."""
    if machine.facts is None:
        return "has sent no records yet"
    if outcome in ("drifted", "unknown"):
        return None
    if machine.is_incomplete:
        return "its last scan was cut off before its end"
    return "what it found last has not reached the server yet" if machine.is_behind else None


def _packages_of(machine: KnownMachine, contents: Contents) -> set[tuple[str, str]]:
    records = [each.record for each in machine.environments]
    found = [(record.kind, contents.snapshot(record.digest)) for record in records]
    return packages_for_projects((kind, snapshot) for kind, snapshot in found if snapshot is not None)
