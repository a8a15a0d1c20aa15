"""How many machines stand how: a few questions, whatever they have.

It says of each machine what :mod:`envguard.server.team` says of it; a test holds the two to each other.
"""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa

from envguard.domain.verdict import OUTCOMES
from envguard.server.store.cases import AT_ONCE, is_any_due
from envguard.server.store.layouts import newest_layout
from envguard.server.store.schema import cases, environments, machines, standings
from envguard.wire import TeamSummary

_DRIFTED, _UNKNOWN = OUTCOMES.index("drifted"), OUTCOMES.index("unknown")


def count_machines(connection: sa.Connection, silent_before_s: float) -> TeamSummary:
    """Answer the counts; a machine that was heard before this moment last is silent.

    Two tables are gone through, each from its beginning to its end: looking each machine's standing up takes
    four times as long, so that is done for those alone that are not what their environments are.
    """
    total = connection.scalar(sa.select(sa.func.count()).select_from(machines)) or 0
    by_worst = sa.select(standings.c.worst, sa.func.count().label("machines")).group_by(standings.c.worst)
    counts = Counter({row.worst: row.machines for row in connection.execute(by_worst)})
    for row in connection.execute(_not_as_their_environments(silent_before_s)):
        if row.is_unheard or row.worst not in (_DRIFTED, _UNKNOWN):
            counts[row.worst] -= row.machines
            counts[_UNKNOWN] += row.machines
    counts[_UNKNOWN] += counts[None] + total - sum(counts.values())
    named = {name: counts[number] for number, name in enumerate(OUTCOMES)}
    return TeamSummary(machines=total, **named)


def _not_as_their_environments(silent_before_s: float) -> sa.Select[tuple[int | None, bool, int]]:
    """The machines that are silent, or told nothing yet, or not all, by the worst of what they had."""
    is_unheard = (machines.c.seen_at < silent_before_s) | machines.c.facts_digest.is_(None)
    has_told_more = machines.c.told_digest.is_not(None) & machines.c.told_digest.is_distinct_from(
        machines.c.records_digest
    )
    told = sa.case((is_unheard, sa.true()), else_=sa.false()).label("is_unheard")
    joined = machines.outerjoin(standings, standings.c.machine == machines.c.id)
    query = sa.select(standings.c.worst, told, sa.func.count().label("machines")).select_from(joined)
    concerned = is_unheard | machines.c.is_incomplete | has_told_more
    return query.where(concerned).group_by(standings.c.worst, told)


def count_waiting(connection: sa.Connection) -> int:
    """Answer how many machines wait since something moved: what they are said to be is what they were."""
    is_behind = standings.c.layout < newest_layout(connection).number
    if is_any_due(connection, AT_ONCE, after_s=AT_ONCE - 1):
        due = sa.select(cases.c.id).where(cases.c.due_at == AT_ONCE)
        concerned = sa.select(environments.c.machine).where(environments.c.case_id.in_(due))
        is_behind |= standings.c.machine.in_(concerned)
    return connection.scalar(sa.select(sa.func.count()).where(is_behind)) or 0
