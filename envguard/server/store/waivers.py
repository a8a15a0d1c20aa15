"""The waivers that were asked for: each a row, from the asking to its end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timezone
from typing import Literal, cast

import msgspec
import sqlalchemy as sa

from envguard.domain.policy import Waiver
from envguard.domain.waiver import WaiverState
from envguard.server.store.schema import machines, waivers
from envguard.server.store.sets import Statement, bound, is_among
from envguard.wire import AskedWaiver, WaiverEntry, WaiverRequest, WaiverStep

Closing = Literal["refused", "ended"]


class KeptWaiver(msgspec.Struct, frozen=True):
    """A waiver as it is kept, and the id of the one machine that it is for."""

    entry: WaiverEntry
    machine: str | None


# Made once: every check-in asks, and making the statement took longer than its answer.
_WITH_NAMES = sa.select(waivers, machines.c.name.label("machine_name")).select_from(
    waivers.outerjoin(machines, waivers.c.machine == machines.c.id)
)
"""Every waiver with the present name of its machine."""
_IN_FORCE = _WITH_NAMES.where(
    waivers.c.state == "granted", waivers.c.until > sa.bindparam("now_s", type_=sa.Double)
).order_by(waivers.c.id)
_CONCERNING = waivers.c.machine.is_(None) | (waivers.c.machine == sa.bindparam("there", type_=sa.String))
"""What is for one machine, or for all."""
_IN_FORCE_THERE = _IN_FORCE.where(_CONCERNING)
_IN_FORCE_FOR = Statement(
    lambda dialect: _IN_FORCE.where(
        waivers.c.machine.is_(None) | is_among(waivers.c.machine, "machines", dialect)
    )
)


def add_waiver(
    connection: sa.Connection,
    request: WaiverRequest,
    *,
    machine: str | None,
    by: str,
    is_granted: bool,
    now_s: float,
) -> int:
    """Keep a waiver and answer its number; one that is open already, in the same words, is that one.

    ``machine`` is an id; the request's package is normalised.
    """
    values = {
        "policy": request.policy,
        "package": request.package,
        "machine": machine,
        "environment": request.environment,
        "kind": request.kind,
        "until": request.until.timestamp(),
        "reason": request.reason,
        "asked_by": by,
    }
    same = sa.and_(*(waivers.c[name].is_not_distinct_from(value) for name, value in values.items()))
    is_open = waivers.c.state.in_(("granted",) if is_granted else ("asked", "granted"))
    known = connection.scalar(sa.select(waivers.c.id).where(same, is_open).limit(1))
    if known is not None:
        return int(known)
    granted = {"state": "granted", "decided_by": by, "decided_at": now_s}
    state = granted if is_granted else {"state": "asked"}
    added = connection.execute(waivers.insert().values(**values, **state, asked_at=now_s))
    # not RETURNING: SQLite has it from 3.35 on, and Debian 11 has 3.34
    return int(cast("Sequence[int]", added.inserted_primary_key)[0])


def count_asked(connection: sa.Connection, machine: str, now_s: float) -> int:
    """Answer how many waivers of a machine wait for a lead's word, its own or another's."""
    query = sa.select(sa.func.count()).select_from(waivers)
    return connection.scalar(query.where(waivers.c.machine == machine, *_waiting(now_s))) or 0


def waiver_numbered(connection: sa.Connection, number: int, now_s: float) -> KeptWaiver | None:
    """Answer a waiver; until the transaction ends, nobody else decides about it."""
    connection.execute(sa.select(waivers.c.id).where(waivers.c.id == number).with_for_update())
    row = connection.execute(_WITH_NAMES.where(waivers.c.id == number)).one_or_none()
    return None if row is None else _kept(row, now_s)


def kept_waivers(
    connection: sa.Connection, now_s: float, *, machine: str | None = None
) -> tuple[KeptWaiver, ...]:
    """Answer every waiver in the order of their numbers; with a machine's id, what concerns that one."""
    query = _WITH_NAMES if machine is None else _WITH_NAMES.where(_CONCERNING)
    found = connection.execute(query.order_by(waivers.c.id), {"there": machine})
    return tuple(_kept(row, now_s) for row in found)


def asked_waivers(connection: sa.Connection, now_s: float) -> tuple[AskedWaiver, ...]:
    """Answer the waivers that wait for a lead's word."""
    query = sa.select(waivers).where(*_waiting(now_s)).order_by(waivers.c.id)
    return tuple(
        AskedWaiver(id=row.id, policy=row.policy, package=row.package, by=row.asked_by)
        for row in connection.execute(query)
    )


def waivers_in_force(
    connection: sa.Connection, now_s: float, *, machine: str | None = None
) -> Mapping[str, tuple[Waiver, ...]]:
    """Answer what is granted and has not ended, by policy; with a machine's id, what concerns that one."""
    found: dict[str, list[Waiver]] = defaultdict(list)
    query = _IN_FORCE if machine is None else _IN_FORCE_THERE
    for row in connection.execute(query, {"now_s": now_s, "there": machine}):
        found[row.policy].append(_waiver(row))
    return {policy: tuple(each) for policy, each in found.items()}


def waivers_for(
    connection: sa.Connection, now_s: float, asked: Collection[str]
) -> Mapping[str | None, tuple[Waiver, ...]]:
    """Answer what is granted and has not ended for each of these machines alone, and under None for all."""
    found: dict[str | None, list[Waiver]] = defaultdict(list)
    parameters = {"now_s": now_s, "machines": bound(connection, list(asked))}
    for row in connection.execute(_IN_FORCE_FOR.on(connection), parameters):
        found[row.machine].append(_waiver(row))
    return {machine: tuple(each) for machine, each in found.items()}


def grant(connection: sa.Connection, number: int, *, by: str, now_s: float, reason: str | None) -> None:
    """Keep that a waiver was granted."""
    values = {"state": "granted", "decided_by": by, "decided_at": now_s, "decided_why": reason}
    connection.execute(waivers.update().where(waivers.c.id == number).values(values))


def close(
    connection: sa.Connection, number: int, how: Closing, *, by: str, now_s: float, reason: str | None
) -> None:
    """Keep that a waiver was refused, or ended before its time."""
    what = "decided" if how == "refused" else "ended"
    values = {"state": how, f"{what}_by": by, f"{what}_at": now_s, f"{what}_why": reason}
    connection.execute(waivers.update().where(waivers.c.id == number).values(values))


def _waiting(now_s: float) -> tuple[sa.ColumnElement[bool], ...]:
    """What is asked for until its own end: then there is nothing left to decide."""
    return waivers.c.state == "asked", waivers.c.until > now_s


def _waiver(row: sa.Row[tuple[object, ...]]) -> Waiver:
    return Waiver(
        package=row.package,
        until=_moment(row.until),
        reason=row.reason,
        approved_by=row.decided_by,
        machine=row.machine_name,
        environment=row.environment,
        kind=row.kind,
        id=row.id,
    )


def _kept(row: sa.Row[tuple[object, ...]], now_s: float) -> KeptWaiver:
    was = cast("WaiverState", row.state)
    state: WaiverState = "expired" if was in ("asked", "granted") and row.until <= now_s else was
    entry = WaiverEntry(
        id=row.id,
        policy=row.policy,
        package=row.package,
        machine=row.machine_name,
        environment=row.environment,
        kind=row.kind,
        until=_moment(row.until),
        reason=row.reason,
        state=state,
        approved_by=None if was == "refused" else row.decided_by,
        asked=_step(row.asked_by, row.asked_at, None),
        decided=_step(row.decided_by, row.decided_at, row.decided_why),
        ended=_step(row.ended_by, row.ended_at, row.ended_why),
    )
    return KeptWaiver(entry, row.machine)


def _step(by: str | None, at_s: float | None, reason: str | None) -> WaiverStep | None:
    return None if by is None or at_s is None else WaiverStep(by=by, at=_moment(at_s), reason=reason)


def _moment(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, timezone.utc)
