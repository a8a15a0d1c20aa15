"""Keeps a verdict on every environment: judges when something moves, never when somebody reads.

Rules
1. Environments that no judgement can tell apart are one case, and a case is judged once
   (:mod:`envguard.server.alike`); so a push costs what there is of distinct environments.
2. What a machine sends is judged in the transaction that keeps it.
3. When a policy, or a waiver for all, moves, its cases become due. They are judged in batches, each a
   transaction that keeps the verdicts and how the machines stand by them: what is cut off goes on.
4. When that moves which decides which environments are alike, machines are laid out anew, in batches too.
5. What was compliant is remembered as a match with the verdict, so that later drift says what moved.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import msgspec
import sqlalchemy as sa

from envguard.domain.binding import Binding, Bound, Machine, bind, selectors_of
from envguard.domain.drift import ENGINE
from envguard.domain.environment import Digest, digest_of_text
from envguard.domain.policy import KnownPolicy
from envguard.domain.verdict import Basis, Outcome, worst
from envguard.server.alike import JUDGING, kept_of, key_of, layout_of, matched_after
from envguard.server.service import Service, StoredContents, known_policies
from envguard.server.store import cases, layouts
from envguard.server.store.contents import record_all_findings
from envguard.server.store.machines import KnownEnvironment, KnownMachine, machines_with, one_of_each
from envguard.server.store.waivers import KeptWaiver
from envguard.server.team import judge_environment

_BATCH_S = 0.1
"""How long a batch judges: others wait for its end."""
_MACHINES_AT_ONCE = 200
_CASES_AT_ONCE = 25

IN_REQUEST_S = 0.5
"""How long who moved something waits for verdicts before the rest is left to the background."""

_EVER = -1.0
"""Before all that is due, also what is due at once."""

_VERSION = JUDGING * 1000 + ENGINE


def machine_moved(connection: sa.Connection, machine: str, now: datetime) -> None:
    """Judge a machine of which something came, in the transaction that keeps it."""
    judge = Judge(connection, now)
    judge.lay_out(machines_with(connection, (machine,)))
    judge.keep_comparisons()


def snapshot_came(connection: sa.Connection, snapshot: Digest, now: datetime) -> None:
    """Judge what waited for this snapshot, in the transaction that keeps it."""
    judge = Judge(connection, now)
    judge.judge_again(cases.cases_of_snapshot(connection, snapshot), _never)
    judge.keep_comparisons()


def policy_moved(connection: sa.Connection, policy: str, now: datetime) -> None:
    """Keep that a policy has another revision: what it judges waits. Only for who writes alone."""
    cases.make_due(connection, policy)
    digest = layout_of(known_policies(connection, now.timestamp()))
    if digest != layouts.newest_layout(connection).digest:
        layouts.add_layout(connection, digest, _VERSION, policy)


def waiver_moved(connection: sa.Connection, waiver: KeptWaiver, now: datetime) -> None:
    """Judge by a waiver that began or ended whom it is for, or let them wait. Only for who writes alone."""
    if waiver.machine is not None:
        machine_moved(connection, waiver.machine, now)
    elif waiver.entry.environment is not None:
        layouts.add_layout(connection, layouts.newest_layout(connection).digest, _VERSION)
    else:
        cases.make_due(connection, waiver.entry.policy)


def begin_judging(service: Service) -> None:
    """Let wait, at a start, what no server has judged yet, or another version has."""
    with service.database.writing_alone() as connection:
        layouts.let_all_wait(connection)
        newest = layouts.newest_layout(connection)
        digest = layout_of(known_policies(connection, service.clock()))
        if newest.engine != _VERSION:
            cases.make_due(connection)
        if (newest.digest, newest.engine) != (digest, _VERSION):
            layouts.add_layout(connection, digest, _VERSION)


def judge_batch(service: Service) -> bool:
    """Judge some of what waits; answer whether there was anything."""
    with service.database.reading() as connection:
        layout = layouts.newest_layout(connection).number
        is_due = cases.is_any_due(connection, service.clock(), after_s=_EVER)
        if not is_due and not layouts.waiting_machines(connection, layout, 1):
            return False
    with service.database.writing_alone() as connection:
        judge = Judge(connection, service.now())
        due = cases.due_cases(connection, service.clock(), after_s=_EVER, limit=_CASES_AT_ONCE)
        if due:
            judge.judge_again(due, _after(_BATCH_S))
        else:
            waiting = layouts.waiting_machines(connection, judge.layout.number, _MACHINES_AT_ONCE)
            judge.lay_out(machines_with(connection, waiting))
        judge.keep_comparisons()
    return True


def judge_at_once(service: Service) -> None:
    """Judge what waits, as far as whoever asked can wait for; the rest is the background's."""
    is_enough = _after(IN_REQUEST_S)
    while judge_batch(service) and not is_enough():
        pass


def judge_what_ended(service: Service) -> None:
    """Judge anew what time alone has changed, for a reader who must not see what was."""
    is_enough = _after(IN_REQUEST_S)
    while not is_enough():
        with service.database.reading() as connection:
            if not cases.is_any_due(connection, service.clock(), after_s=cases.AT_ONCE):
                return
        with service.database.writing_alone() as connection:
            judge = Judge(connection, service.now())
            after_s = cases.AT_ONCE
            due = cases.due_cases(connection, service.clock(), after_s=after_s, limit=_CASES_AT_ONCE)
            judge.judge_again(due, _after(_BATCH_S))
            judge.keep_comparisons()


def _after(seconds: float) -> Callable[[], bool]:
    """Answer what says whether so much time has passed from now on."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def _never() -> bool:
    return False


class _Place(msgspec.Struct, frozen=True):
    """An environment that is to get a case."""

    machine: KnownMachine
    environment: KnownEnvironment
    binding: Binding
    key: Digest


class Judge:
    """Judges in one transaction, by the policies and at the moment at which it was made."""

    def __init__(self, connection: sa.Connection, now: datetime) -> None:
        """Read the policies."""
        self._connection = connection
        self._now = now
        self._policies = known_policies(connection, now.timestamp())
        self._selectors = selectors_of(self._policies)
        self._contents = StoredContents(connection)
        self.layout = layouts.newest_layout(connection)

    def lay_out(self, machines: Sequence[KnownMachine]) -> None:
        """Put each environment of these machines into its case, which is judged where there is none yet."""
        places = [self._place(machine, each) for machine in machines for each in machine.environments]
        chosen = cases.cases_with(self._connection, {place.key for place in places})
        fresh = self._fresh(place for place in places if place.key not in chosen)
        alike = cases.cases_with(self._connection, {held.key for held in fresh.values()})
        chosen |= {key: alike[held.key] for key, held in fresh.items() if held.key in alike}
        outcomes = cases.outcomes_held(self._connection, chosen.values())
        for place in places:
            if chosen.get(place.key) not in outcomes:
                held = fresh.get(place.key) or self._judged(place)
                chosen[place.key] = self._added(held, outcomes)
        self._put(machines, places, chosen, outcomes)

    def judge_again(self, due: Sequence[cases.Due], until: Callable[[], bool]) -> None:
        """Judge cases anew that are held, until that is enough."""
        ones = one_of_each(self._connection, [each.number for each in due])
        cases.forget_cases(self._connection, {each.number for each in due} - ones.keys())
        judged: dict[int, cases.Held] = {}
        for number, machine in ones.items():
            judged[number] = self._judged(self._place(machine, machine.environments[0]))
            if until():
                break
        cases.keep_cases(self._connection, judged)
        moved = [
            cases.Moved(each.number, each.outcome, judged[each.number].outcome)
            for each in due
            if each.number in judged
        ]
        cases.stand_anew(self._connection, [each for each in moved if each.was != each.now])

    def keep_comparisons(self) -> None:
        """Keep what was compared here. In one order: of two that keep the same, one waits for the other."""
        record_all_findings(self._connection, dict(sorted(self._contents.fresh.items(), key=str)))

    def _place(self, machine: KnownMachine, environment: KnownEnvironment) -> _Place:
        named = Machine(machine.name, machine.labels)
        binding = bind(environment.record, named, self._selectors)
        key = self._key(machine, environment, binding, environment.matched)
        return _Place(machine, environment, binding, key)

    def _key(
        self, machine: KnownMachine, environment: KnownEnvironment, binding: Binding, matched: Basis | None
    ) -> Digest:
        return key_of(machine, environment, binding, self._governing(binding), matched)

    def _governing(self, binding: Binding) -> KnownPolicy | None:
        return self._policies.get(binding.policy) if isinstance(binding, Bound) else None

    def _fresh(self, places: Iterable[_Place]) -> dict[Digest, cases.Held]:
        """Judge one of each that are alike."""
        found: dict[Digest, cases.Held] = {}
        for place in places:
            if place.key not in found:
                found[place.key] = self._judged(place)
        return found

    def _judged(self, place: _Place) -> cases.Held:
        environment = place.environment
        judged = judge_environment(
            environment, place.machine, place.binding, self._policies, self._contents, self._now
        )
        kept, matched = kept_of(judged), matched_after(environment.matched, judged)
        ends_at = kept.verdict.ends_at
        is_same = matched == environment.matched
        return cases.Held(
            key=place.key if is_same else self._key(place.machine, environment, place.binding, matched),
            snapshot=environment.record.digest,
            policy=kept.policy,
            outcome=kept.verdict.verdict,
            judged_at_s=self._now.timestamp(),
            due_at_s=None if ends_at is None else ends_at.timestamp(),
            kept=msgspec.json.encode(kept),
            matched=None if matched is None else msgspec.json.encode(matched),
        )

    def _added(self, held: cases.Held, outcomes: dict[int, Outcome]) -> int:
        number = cases.add_case(self._connection, held)
        outcomes[number] = held.outcome
        return number

    def _put(
        self,
        machines: Sequence[KnownMachine],
        places: Sequence[_Place],
        chosen: dict[Digest, int],
        outcomes: dict[int, Outcome],
    ) -> None:
        found: dict[str, list[Outcome]] = {machine.id: [] for machine in machines}
        moved = []
        for place in places:
            number, environment = chosen[place.key], place.environment
            found[place.machine.id].append(outcomes[number])
            if number != environment.case:
                moved.append(cases.Seat(place.machine.id, digest_of_text(environment.record.path), number))
        cases.put_into_cases(self._connection, moved)
        standings = {machine: worst(theirs) for machine, theirs in found.items()}
        cases.keep_standings(self._connection, standings, self.layout.number)
