"""What a push would do, before anything is pushed.

Rules
1. Each environment that the policy governs today, or would govern, is judged twice at one moment: by the
   policies as they are, and by them with the pushed files in the place of the newest revision.
2. Nothing is kept. Comparisons that the store has are used; what is compared besides is bounded, so that an
   answer comes in time, and what was left out is counted.
3. One environment that several machines reach over a shared file system is one.
4. Who drifts either way drifts from more if something counts that does not today.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import get_args

import msgspec

from envguard.domain.binding import Bound, Machine, bind, selectors_of
from envguard.domain.policy import EarlierLock, KnownPolicy, LockedPolicy, PolicySource, Selector
from envguard.domain.policy_difference import policy_difference
from envguard.domain.verdict import JudgedFinding, Verdict
from envguard.server.service import Service, StoredContents, known_policies
from envguard.server.store.machines import KnownEnvironment, KnownMachine, known_machines
from envguard.server.store.policies import revision_of
from envguard.server.team import STALE_AFTER_INTERVALS, Contents, Judged, concerns, judge_machine
from envguard.wire import PlannedChange, PlannedEnvironment, PlanReply, PolicyRevision

_MOST_COMPARED = 500
"""Comparisons that one plan makes anew: at 15 ms each, half of what a client waits for an answer."""

_MOST_NAMED = 200
_MOST_FINDINGS = 10


class _Pair(msgspec.Struct, frozen=True):
    """An environment, judged as things are and as they would be."""

    machine: KnownMachine
    environment: KnownEnvironment
    before: Judged
    after: Judged
    also_on: tuple[str, ...] = ()


class _Side(msgspec.Struct, frozen=True):
    """The policies of one side, and for whom each is."""

    policies: Mapping[str, KnownPolicy]
    selectors: Mapping[str, Sequence[Selector]]


class _Found(msgspec.Struct, frozen=True):
    """What judging twice brought."""

    pairs: list[_Pair]
    not_judged: int


def plan(
    service: Service, source: PolicySource, pushed: LockedPolicy, *, most_compared: int = _MOST_COMPARED
) -> PlanReply:
    """Answer what a push of these files would do; ``pushed`` is what they say."""
    name = pushed.policy.name
    now = service.now()
    with service.database.reading() as connection:
        current = revision_of(connection, name, None)
        held = known_policies(connection, service.clock())
        found = _judge_twice(
            known_machines(connection),
            _side(held),
            _side({**held, name: _in_place_of(held.get(name), _numbered(pushed, source, current), now)}),
            name=name,
            contents=StoredContents(connection),
            now=now,
            most_compared=most_compared,
        )
    silent_before_s = service.clock() - STALE_AFTER_INTERVALS * service.interval_s
    changed = sorted(_changed(found.pairs, silent_before_s), key=_rank)
    counts = Counter(each.change for each in changed)
    known = held.get(name)
    return PlanReply(
        name=name,
        revision=current.revision if current is not None else None,
        is_new=current is None or current.source != source,
        difference=policy_difference(known, pushed) if isinstance(known, LockedPolicy) else None,
        governs=sum(_is_governed(each.after, name) for each in found.pairs),
        counts={change: counts[change] for change in _ORDER if counts[change]},
        environments=tuple(changed[:_MOST_NAMED]),
        unchanged=len(found.pairs) - len(changed),
        not_judged=found.not_judged,
    )


_ORDER: tuple[PlannedChange, ...] = get_args(PlannedChange)


def _judge_twice(
    machines: Sequence[KnownMachine],
    before: _Side,
    after: _Side,
    *,
    name: str,
    contents: StoredContents,
    now: datetime,
    most_compared: int,
) -> _Found:
    """Answer every environment that the policy governs on one of the sides, each once."""
    once: dict[object, _Pair] = {}
    not_judged: set[object] = set()
    for machine in machines:
        concerned = tuple(_concerned(machine, before, after, name))
        if len(contents.fresh) >= most_compared:
            not_judged.update(_key(machine, each) for each in concerned)
            continue
        only = msgspec.structs.replace(machine, environments=concerned)
        for pair in _pairs(only, before, after, contents, now):
            key = _key(machine, pair.environment)
            once[key] = _seen_again(once[key], machine) if key in once else pair
    return _Found(list(once.values()), len(not_judged - once.keys()))


def _concerned(machine: KnownMachine, before: _Side, after: _Side, name: str) -> Iterator[KnownEnvironment]:
    as_named = Machine(machine.name, machine.labels)
    for each in machine.environments:
        bindings = (bind(each.record, as_named, side.selectors) for side in (before, after))
        if any(concerns(binding, name) for binding in bindings):
            yield each


def _pairs(
    machine: KnownMachine, before: _Side, after: _Side, contents: Contents, now: datetime
) -> Iterator[_Pair]:
    today = judge_machine(machine, before.policies, contents, now)
    matching = tuple(map(_as_matched, machine.environments, today))
    then = msgspec.structs.replace(machine, environments=matching)
    would_be = judge_machine(then, after.policies, contents, now)
    for environment, one, other in zip(machine.environments, today, would_be, strict=True):
        yield _Pair(machine, environment, one, other)


def _as_matched(environment: KnownEnvironment, judged: Judged) -> KnownEnvironment:
    """The environment as a push leaves it: that keeps first what matches, so it is known what moved."""
    if judged.verdict.verdict != "compliant" or judged.basis is None:
        return environment
    return msgspec.structs.replace(environment, matched=judged.basis)


def _key(machine: KnownMachine, environment: KnownEnvironment) -> object:
    return environment.record.shared_as or (machine.id, environment.record.path)


def _seen_again(pair: _Pair, machine: KnownMachine) -> _Pair:
    if machine.name in (pair.machine.name, *pair.also_on):
        return pair
    return msgspec.structs.replace(pair, also_on=(*pair.also_on, machine.name))


def _changed(pairs: Iterable[_Pair], silent_before_s: float) -> Iterator[PlannedEnvironment]:
    for pair in pairs:
        before, after = pair.before.verdict, pair.after.verdict
        change = _change(before, after)
        if change is not None:
            yield PlannedEnvironment(
                machine=pair.machine.name,
                path=pair.environment.record.path,
                also_on=pair.also_on,
                is_silent=pair.machine.seen_at_s < silent_before_s,
                change=change,
                before=before.verdict,
                after=after.verdict,
                findings=tuple(_counting(after))[:_MOST_FINDINGS],
                reason=after.reason,
            )


def _change(before: Verdict, after: Verdict) -> PlannedChange | None:
    if before.verdict == after.verdict:
        return _change_of_drift(before, after) if after.verdict == "drifted" else None
    match after.verdict:
        case "drifted":
            return "drifts"
        case "unknown":
            return "unknown"
        case "unmanaged":
            return "released"
        case "compliant":
            return "governed" if before.verdict == "unmanaged" else "compliant"


def _change_of_drift(before: Verdict, after: Verdict) -> PlannedChange | None:
    today, then = ({(each.kind, each.package) for each in _counting(side)} for side in (before, after))
    if then - today:
        return "drifts-more"
    return "drifts-less" if today - then else None


def _counting(verdict: Verdict) -> Iterator[JudgedFinding]:
    return (each for each in verdict.findings if each.counts)


def _rank(planned: PlannedEnvironment) -> tuple[int, str, str]:
    return _ORDER.index(planned.change), planned.machine, planned.path


def _side(policies: Mapping[str, KnownPolicy]) -> _Side:
    return _Side(policies, selectors_of(policies))


def _in_place_of(held: KnownPolicy | None, pushed: LockedPolicy, now: datetime) -> LockedPolicy:
    """What was granted beside a policy's file stays granted when that changes; its lock gets its grace."""
    if not isinstance(held, LockedPolicy):
        return pushed
    if held.lock is None or pushed.lock is None or pushed.lock.digest == held.lock.digest:
        return msgspec.structs.replace(
            pushed, granted=held.granted, lock_revision=held.lock_revision, earlier=held.earlier
        )
    before = held.lock_revision or 0
    upgrade = pushed.policy.upgrade
    earlier: tuple[EarlierLock, ...] = ()
    if upgrade is not None:
        until = now + timedelta(seconds=upgrade.grace_s)
        earlier = (EarlierLock(lock=held.lock, revision=before, until=until), *held.earlier)
    return msgspec.structs.replace(pushed, granted=held.granted, lock_revision=before + 1, earlier=earlier)


def _numbered(pushed: LockedPolicy, source: PolicySource, current: PolicyRevision | None) -> LockedPolicy:
    if current is None:
        return msgspec.structs.replace(pushed, revision=1)
    is_new = current.source != source
    return msgspec.structs.replace(pushed, revision=current.revision + is_new)


def _is_governed(judged: Judged, name: str) -> bool:
    return isinstance(judged.binding, Bound) and judged.binding.policy == name
