"""How many machines stand how: one question, whatever they have.

It says of each machine what :mod:`envguard.server.team` says of it; a test holds the two to each other.
"""

from __future__ import annotations

import sqlalchemy as sa

from envguard.domain.verdict import OUTCOMES
from envguard.server.store.cases import AT_ONCE, is_any_due
from envguard.server.store.layouts import newest_layout
from envguard.server.store.schema import cases, environments, machines, standings
from envguard.wire import TeamSummary

_DRIFTED, _UNKNOWN = OUTCOMES.index("drifted"), OUTCOMES.index("unknown")


def count_machines(connection: sa.Connection, silent_before_s: float) -> TeamSummary:
    """Answer the counts; a machine that was heard before this moment last is silent."""
    is_behind = machines.c.told_digest.is_distinct_from(machines.c.records_digest)
    outcome = sa.case(
        (machines.c.seen_at < silent_before_s, _UNKNOWN),
        (machines.c.facts_digest.is_(None), _UNKNOWN),
        (standings.c.worst.is_(None), _UNKNOWN),
        (standings.c.worst.in_((_DRIFTED, _UNKNOWN)), standings.c.worst),
        (machines.c.is_incomplete | (machines.c.told_digest.is_not(None) & is_behind), _UNKNOWN),
        else_=standings.c.worst,
    )
    joined = machines.outerjoin(standings, standings.c.machine == machines.c.id)
    query = sa.select(outcome, sa.func.count()).select_from(joined).group_by(outcome)
    counts = {row[0]: row[1] for row in connection.execute(query)}
    by_name = {name: counts.get(number, 0) for number, name in enumerate(OUTCOMES)}
    return TeamSummary(machines=sum(counts.values()), **by_name)


def count_waiting(connection: sa.Connection) -> int:
    """Answer how many machines wait since something moved: what they are said to be is what they were."""
    is_behind = standings.c.layout < newest_layout(connection).number
    if is_any_due(connection, AT_ONCE, after_s=AT_ONCE - 1):
        due = sa.select(cases.c.id).where(cases.c.due_at == AT_ONCE)
        concerned = sa.select(environments.c.machine).where(environments.c.case_id.in_(due))
        is_behind |= standings.c.machine.in_(concerned)
    return connection.scalar(sa.select(sa.func.count()).where(is_behind)) or 0
