"""The layouts: for whom policies and waivers are. A machine that was laid out by another one waits.

A layout gets a number when something moves that decides which environments are judged alike, and which
policy judges them. Moving what a policy says of them makes none.
"""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from envguard.domain.environment import Digest
from envguard.server.store.schema import layouts, machines, standings


class Layout(msgspec.Struct, frozen=True):
    """The newest layout."""

    number: int
    digest: Digest
    """Of what the policies say about it."""
    engine: int
    """By which version of judging the cases were made."""


WAITS = -1
"""The layout of a machine that waits whatever the newest is."""

NONE = Layout(0, Digest(""), 0)
"""Of an empty database, and of one from before there were layouts."""


def newest_layout(connection: sa.Connection) -> Layout:
    """Answer the layout that counts now."""
    row = connection.execute(sa.select(layouts).order_by(layouts.c.number.desc()).limit(1)).first()
    return NONE if row is None else Layout(row.number, Digest(row.digest), row.engine)


def add_layout(connection: sa.Connection, digest: Digest, engine: int, policy: str | None = None) -> None:
    """Keep that it moved; ``policy`` is whose push did it. Only for who writes alone.

    What no machine waits for is forgotten.
    """
    connection.execute(layouts.insert().values(digest=digest, engine=engine, policy=policy))
    oldest = connection.scalar(sa.select(sa.func.min(standings.c.layout))) or 0
    newest = sa.select(sa.func.max(layouts.c.number)).scalar_subquery()
    connection.execute(layouts.delete().where(layouts.c.number <= oldest, layouts.c.number < newest))


def waiting_machines(connection: sa.Connection, layout: int, limit: int) -> tuple[str, ...]:
    """Answer machines that wait to be laid out by this layout, in the order in which they came to wait."""
    query = sa.select(standings.c.machine).where(standings.c.layout < layout)
    order = standings.c.layout, standings.c.machine
    return tuple(connection.scalars(query.order_by(*order).limit(limit)))


def machines_behind(connection: sa.Connection, layout: int) -> dict[str, int]:
    """Answer the machines that wait to be laid out by this layout, with the one by which they are."""
    query = sa.select(standings.c.machine, standings.c.layout).where(standings.c.layout < layout)
    return {row.machine: row.layout for row in connection.execute(query)}


def policies_waited_for(connection: sa.Connection, behind: int) -> frozenset[str]:
    """Answer the policies whose push may move what was laid out by this layout."""
    query = sa.select(layouts.c.policy).where(layouts.c.number > behind, layouts.c.policy.is_not(None))
    return frozenset(connection.scalars(query.distinct()))


def let_all_wait(connection: sa.Connection) -> None:
    """Keep that every machine of the team waits that has no standing yet, as those of an older database."""
    absent = ~sa.exists().where(standings.c.machine == machines.c.id) & machines.c.retired_at.is_(None)
    rows = sa.select(machines.c.id, sa.literal(WAITS, sa.Integer)).where(absent)
    connection.execute(standings.insert().from_select(["machine", "layout"], rows))
