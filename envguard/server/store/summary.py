"""How many machines stand how: a few questions, whatever they have.

It says of each machine what :mod:`envguard.server.team` says of it; a test holds the two to each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

import msgspec
import sqlalchemy as sa

from envguard.domain.verdict import OUTCOMES
from envguard.server.store.cases import AT_ONCE, is_any_due
from envguard.server.store.layouts import newest_layout
from envguard.server.store.schema import cases, environments, machines, standings
from envguard.wire import TeamSummary

_DRIFTED, _UNKNOWN = OUTCOMES.index("drifted"), OUTCOMES.index("unknown")


class Hearing(msgspec.Struct, frozen=True, kw_only=True):
    """By what it is told whether a machine is heard."""

    silent_before_s: float
    """One that was heard before this moment last is silent."""
    away_since_s: float
    """One that left after this moment is away."""
    is_laptop: Callable[[Mapping[str, str]], bool]
    """Whether labels are those of a machine that is away where others are silent."""


def count_machines(connection: sa.Connection, hearing: Hearing) -> TeamSummary:
    """Answer the counts.

    Two tables are gone through, each from its beginning to its end: looking each machine's standing up takes
    four times as long, so that is done for those alone that are not what their environments are.
    """
    joined = sa.select(sa.func.count()).select_from(machines).where(machines.c.retired_at.is_(None))
    total = connection.scalar(joined) or 0
    by_worst = sa.select(standings.c.worst, sa.func.count().label("machines")).group_by(standings.c.worst)
    counts = Counter({row.worst: row.machines for row in connection.execute(by_worst)})
    away = 0
    for row in connection.execute(_not_as_their_environments(hearing)):
        if row.is_away or (row.labels is not None and hearing.is_laptop(_labels(row.labels))):
            counts[row.worst] -= row.machines
            away += row.machines
        elif row.is_unheard or row.worst not in (_DRIFTED, _UNKNOWN):
            counts[row.worst] -= row.machines
            counts[_UNKNOWN] += row.machines
    counts[_UNKNOWN] += counts[None] + total - away - sum(counts.values())
    named = {name: counts[number] for number, name in enumerate(OUTCOMES)}
    return TeamSummary(machines=total, away=away, **named)


def _not_as_their_environments(
    hearing: Hearing,
) -> sa.Select[tuple[int | None, bool, bool, bytes | None, int]]:
    """The machines that are away, silent, or two, or told nothing yet, or not all, by the worst they had.

    The labels of those that are silent stand beside it, where they may tell that such a machine is away.
    """
    has_left = machines.c.left_at.is_not(None) & (machines.c.left_at >= machines.c.seen_at)
    is_away = has_left & (machines.c.left_at > hearing.away_since_s)
    is_silent = machines.c.seen_at < hearing.silent_before_s
    may_be_away = is_silent & ~has_left & (machines.c.seen_at > hearing.away_since_s)
    are_two = machines.c.speakers.is_not(None) & machines.c.speakers.like("%,true]")  # the last field
    is_unheard = has_left | is_silent | are_two | machines.c.facts_digest.is_(None)
    has_told_more = machines.c.told_digest.is_not(None) & machines.c.told_digest.is_distinct_from(
        machines.c.records_digest
    )
    told = (
        standings.c.worst,
        _truth(is_away).label("is_away"),
        _truth(is_unheard).label("is_unheard"),
        sa.case((may_be_away, machines.c.labels)).label("labels"),
    )
    joined = machines.outerjoin(standings, standings.c.machine == machines.c.id)
    query = sa.select(*told, sa.func.count().label("machines")).select_from(joined)
    is_another = is_unheard | machines.c.is_incomplete | has_told_more
    return query.where(is_another, machines.c.retired_at.is_(None)).group_by(*told)


def _truth(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.case((condition, sa.true()), else_=sa.false())


def _labels(document: bytes) -> dict[str, str]:
    return msgspec.json.decode(document, type=dict[str, str])


def count_waiting(connection: sa.Connection) -> int:
    """Answer how many machines wait since something moved: what they are said to be is what they were."""
    is_behind = standings.c.layout < newest_layout(connection).number
    if is_any_due(connection, AT_ONCE, after_s=AT_ONCE - 1):
        due = sa.select(cases.c.id).where(cases.c.due_at == AT_ONCE)
        concerned = sa.select(environments.c.machine).where(environments.c.case_id.in_(due))
        is_behind |= standings.c.machine.in_(concerned)
    return connection.scalar(sa.select(sa.func.count()).where(is_behind)) or 0
