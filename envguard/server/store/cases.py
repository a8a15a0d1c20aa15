"""The cases: each a set of environments that are judged alike, with the one verdict on all of them.

Rules
1. What an environment's case is, its row says; a case that no environment has is forgotten.
2. A case whose ``due_at`` has come waits to be judged again. What stands in it stands until then.
3. Who locks several cases, or several machines' standings, does so in their order; cases come first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar, cast

import msgspec
import sqlalchemy as sa

from envguard.domain.environment import Digest
from envguard.domain.verdict import OUTCOMES, Outcome
from envguard.server.store.schema import cases, environments, standings

T = TypeVar("T")

AT_ONCE = 0.0
"""When a case is due of which something has moved: before all that is due by time."""

_ASKED_AT_ONCE = 500
"""Values in one question: SQLite takes 32,766, and a plan of a long list is slow to make."""

_EMPTY_KEPT_S = 3600.0
_FORGOTTEN_AT_ONCE = 5000


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a case."""

    key: Digest
    snapshot: Digest
    policy: str | None
    """The one policy that judges it."""
    outcome: Outcome
    judged_at_s: float
    due_at_s: float | None
    """When it is to be judged again; None: time alone changes nothing."""
    kept: bytes
    """The verdict as a document."""
    matched: bytes | None
    """What its environments last matched, as a document."""


# Made once: making a statement takes longer than its row.
_KEEP = (
    cases.update()
    .where(cases.c.id == sa.bindparam("this"))
    .values({column.name: sa.bindparam(column.name) for column in cases.columns if column.name != "id"})
)
_SEAT = (
    environments.update()
    .where(environments.c.machine == sa.bindparam("of"), environments.c.path_digest == sa.bindparam("at"))
    .values(case_id=sa.bindparam("case_id"))
)
_STAND = (
    standings.update()
    .where(standings.c.machine == sa.bindparam("of"))
    .values(worst=sa.bindparam("worst"), layout=sa.bindparam("layout"))
)


class Seat(msgspec.Struct, frozen=True):
    """Which case an environment is in."""

    machine: str
    path_digest: Digest
    case: int


class Due(msgspec.Struct, frozen=True):
    """A case that waits to be judged again."""

    number: int
    outcome: Outcome


class Moved(msgspec.Struct, frozen=True):
    """A case of which the outcome is another now."""

    number: int
    was: Outcome
    now: Outcome


def cases_with(connection: sa.Connection, keys: Collection[Digest]) -> dict[Digest, int]:
    """Answer the number of the case with each of these keys; of several the first."""
    query = sa.select(cases.c.key, sa.func.min(cases.c.id)).group_by(cases.c.key)
    return {
        Digest(key): number
        for some in _portions(sorted(set(keys)))
        for key, number in connection.execute(query.where(cases.c.key.in_(some)))
    }


def outcomes_held(connection: sa.Connection, numbers: Collection[int]) -> dict[int, Outcome]:
    """Answer the outcomes of these cases; until the transaction ends, they stay. Who is gone is absent."""
    query = sa.select(cases.c.id, cases.c.outcome).order_by(cases.c.id).with_for_update(read=True)
    return {
        number: OUTCOMES[outcome]
        for some in _portions(sorted(set(numbers)))
        for number, outcome in connection.execute(query.where(cases.c.id.in_(some)))
    }


def add_case(connection: sa.Connection, held: Held) -> int:
    """Keep a new case, and answer its number."""
    added = connection.execute(cases.insert().values(_row(held)))
    return int(cast("Sequence[int]", added.inserted_primary_key)[0])


def keep_cases(connection: sa.Connection, judged: Mapping[int, Held]) -> None:
    """Keep what cases were judged to be now."""
    rows = [{"this": number, **_row(held)} for number, held in judged.items()]
    if rows:
        connection.execute(_KEEP, rows)


def forget_cases(connection: sa.Connection, numbers: Collection[int]) -> None:
    """Forget cases that no environment has."""
    connection.execute(cases.delete().where(cases.c.id.in_(numbers)))


def due_cases(connection: sa.Connection, now_s: float, *, after_s: float, limit: int) -> tuple[Due, ...]:
    """Answer cases that have been due since later than ``after_s``, and hold them, in their order."""
    is_due = (cases.c.due_at <= now_s) & (cases.c.due_at > after_s)
    return _hold(connection, sa.select(cases.c.id).where(is_due).order_by(cases.c.due_at).limit(limit))


def cases_of_snapshot(connection: sa.Connection, snapshot: Digest) -> tuple[Due, ...]:
    """Answer the cases of environments that contain this, and hold them, in their order."""
    return _hold(connection, sa.select(cases.c.id).where(cases.c.snapshot == snapshot))


def is_any_due(connection: sa.Connection, now_s: float, *, after_s: float) -> bool:
    """Whether a case has been due since later than this."""
    is_due = (cases.c.due_at <= now_s) & (cases.c.due_at > after_s)
    return connection.scalar(sa.select(cases.c.id).where(is_due).limit(1)) is not None


def make_due(connection: sa.Connection, policy: str | None = None) -> None:
    """Keep that something has moved: of one policy, or of all. Only for who writes alone."""
    concerned = sa.true() if policy is None else cases.c.policy == policy
    connection.execute(cases.update().where(concerned).values(due_at=AT_ONCE))


def kept_documents(
    connection: sa.Connection, numbers: Collection[int] | None = None
) -> dict[int, tuple[bytes, float | None]]:
    """Answer the document of each case, of all or of these, and when it is due."""
    query = sa.select(cases.c.id, cases.c.kept, cases.c.due_at)
    if numbers is None:
        return {row.id: (row.kept, row.due_at) for row in connection.execute(query)}
    return {
        row.id: (row.kept, row.due_at)
        for some in _portions(sorted(set(numbers)))
        for row in connection.execute(query.where(cases.c.id.in_(some)))
    }


def put_into_cases(connection: sa.Connection, chosen: Iterable[Seat]) -> None:
    """Keep the cases of environments."""
    rows = [{"of": each.machine, "at": each.path_digest, "case_id": each.case} for each in chosen]
    if rows:
        connection.execute(_SEAT, rows)


def forget_machine(connection: sa.Connection, machine: str) -> None:
    """Let a machine stand nowhere any more; what its environments last matched stays with them."""
    of_case = sa.select(cases.c.matched).where(cases.c.id == environments.c.case_id).scalar_subquery()
    seated = (environments.c.machine == machine) & environments.c.case_id.is_not(None)
    connection.execute(environments.update().where(seated).values(matched=of_case))
    connection.execute(environments.update().where(seated).values(case_id=None))
    connection.execute(standings.delete().where(standings.c.machine == machine))


def keep_standings(connection: sa.Connection, worst: Mapping[str, Outcome], layout: int) -> None:
    """Keep how machines stand, a few hundred, and by which layout their environments got their cases."""
    known = set(connection.scalars(sa.select(standings.c.machine).where(standings.c.machine.in_(worst))))
    absent = [{"machine": machine, "layout": layout} for machine in sorted(worst.keys() - known)]
    if absent:
        connection.execute(standings.insert(), absent)
    rows = [
        {"of": machine, "worst": OUTCOMES.index(worst[machine]), "layout": layout}
        for machine in sorted(worst)
    ]
    if rows:
        connection.execute(_STAND, rows)


def stand_anew(connection: sa.Connection, moved: Collection[Moved]) -> None:
    """Tell anew how all machines stand that have environments of these cases, which are kept already.

    What became worse is told without a look at a machine's other environments; what became better changes
    only those for which it was the worst.
    """
    _hold_standings(connection, [each.number for each in moved])
    for was in OUTCOMES:
        for now in OUTCOMES:
            numbers = sorted(each.number for each in moved if (each.was, each.now) == (was, now))
            rank, before = OUTCOMES.index(now), OUTCOMES.index(was)
            for some in _portions(numbers):
                these = _standings_of(some)
                if rank < before:
                    worse = standings.update().where(these, standings.c.worst > rank).values(worst=rank)
                    connection.execute(worse)
                elif rank > before:
                    it_was = standings.update().where(these, standings.c.worst == before)
                    connection.execute(it_was.values(worst=_worst()))


def forget_empty_cases(connection: sa.Connection, now_s: float) -> None:
    """Forget some of the cases that no environment has had for an hour or so."""
    is_empty = ~sa.exists().where(environments.c.case_id == cases.c.id)
    query = sa.select(cases.c.id).where(cases.c.judged_at < now_s - _EMPTY_KEPT_S, is_empty)
    numbers = [each.number for each in _hold(connection, query.limit(_FORGOTTEN_AT_ONCE))]
    # Asked again now that they are held: who joined one just now is seen.
    connection.execute(cases.delete().where(cases.c.id.in_(numbers), is_empty))


def _hold_standings(connection: sa.Connection, numbers: Sequence[int]) -> None:
    if connection.dialect.name != "sqlite":  # there nobody else writes
        for some in _portions(sorted(numbers)):
            in_order = sa.select(standings.c.machine).where(_standings_of(some))
            connection.execute(in_order.order_by(standings.c.machine).with_for_update())


def _standings_of(numbers: Sequence[int]) -> sa.ColumnElement[bool]:
    concerned = sa.select(environments.c.machine).where(environments.c.case_id.in_(numbers))
    return standings.c.machine.in_(concerned)


def _hold(connection: sa.Connection, numbers: sa.Select[tuple[int]]) -> tuple[Due, ...]:
    query = sa.select(cases.c.id, cases.c.outcome).order_by(cases.c.id).with_for_update()
    chosen = sorted(connection.scalars(numbers))
    return tuple(
        Due(number, OUTCOMES[outcome])
        for some in _portions(chosen)
        for number, outcome in connection.execute(query.where(cases.c.id.in_(some)))
    )


def _row(held: Held) -> dict[str, object]:
    return {
        "key": held.key,
        "snapshot": held.snapshot,
        "policy": held.policy,
        "outcome": OUTCOMES.index(held.outcome),
        "judged_at": held.judged_at_s,
        "due_at": held.due_at_s,
        "kept": held.kept,
        "matched": held.matched,
    }


def _worst() -> sa.ScalarSelect[int]:
    """The worst outcome of the environments of the machine of a standing."""
    mine = environments.c.machine == standings.c.machine
    joined = environments.outerjoin(cases, environments.c.case_id == cases.c.id)
    outcome = sa.func.coalesce(cases.c.outcome, OUTCOMES.index("unknown"))  # not judged yet
    return sa.select(sa.func.min(outcome)).select_from(joined).where(mine).scalar_subquery()


def _portions(values: Sequence[T]) -> Iterable[Sequence[T]]:
    for start in range(0, len(values), _ASKED_AT_ONCE):
        yield values[start : start + _ASKED_AT_ONCE]
