"""The audit log: written in the transaction of what it tells, so that there is never one without the other.

Whoever writes holds the head until the end of the transaction: several processes keep one chain. Write the
entry last, for the others wait.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import cast

import sqlalchemy as sa

from envguard.domain.audit import AuditEntry, AuditHead, AuditOutcome, AuditRole, AuditRow, chained
from envguard.log import in_unit
from envguard.server.store.database import insert_once
from envguard.server.store.schema import audit, audit_head

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_THE_ONE = 1
_OBJECT_CHARACTERS = 400


def record(connection: sa.Connection, entry: AuditEntry, now_s: float) -> AuditRow:
    """Write an entry behind the last one, and answer it as a row."""
    shown = AuditEntry(
        who=entry.who,
        role=entry.role,
        act=entry.act,
        object=entry.object[:_OBJECT_CHARACTERS],
        outcome=entry.outcome,
        request=entry.request or _request(),
    )
    row = chained(shown, _held_head(connection), _EPOCH + timedelta(microseconds=round(now_s * 1e6)))
    values = {
        "number": row.number,
        "at_us": (row.at - _EPOCH) // timedelta(microseconds=1),
        "who": row.who,
        "role": row.role,
        "act": row.act,
        "object": row.object,
        "outcome": row.outcome,
        "request": row.request,
        "previous": row.previous,
        "hash": row.hash,
    }
    connection.execute(audit.insert().values(values))
    connection.execute(audit_head.update().values(number=row.number, hash=row.hash))
    return row


def head_of_audit(connection: sa.Connection) -> AuditHead:
    """Answer where the log ends."""
    found = connection.execute(sa.select(audit_head.c.number, audit_head.c.hash)).one_or_none()
    return AuditHead() if found is None else AuditHead(found.number, found.hash)


def audit_rows(
    connection: sa.Connection, *, after: int, limit: int, since: datetime | None = None
) -> tuple[AuditRow, ...]:
    """Answer the rows behind a number in their order; of those since a time, where one is given."""
    query = sa.select(audit).where(audit.c.number > after)
    if since is not None:
        query = query.where(audit.c.at_us >= (since - _EPOCH) // timedelta(microseconds=1))
    found = connection.execute(query.order_by(audit.c.number).limit(limit))
    return tuple(map(_row, found))


def _request() -> str | None:
    """The id of the request that is being answered, which the server's log lines carry too."""
    told = in_unit("request")
    return told if isinstance(told, str) else None


def _held_head(connection: sa.Connection) -> AuditHead:
    query = sa.select(audit_head.c.number, audit_head.c.hash).with_for_update()
    found = connection.execute(query).one_or_none()
    if found is None:
        head = AuditHead()
        insert_once(connection, audit_head, {"id": _THE_ONE, "number": head.number, "hash": head.hash})
        found = connection.execute(query).one()
    return AuditHead(found.number, found.hash)


def _row(row: sa.Row[tuple[object, ...]]) -> AuditRow:
    return AuditRow(
        number=row.number,
        at=_EPOCH + timedelta(microseconds=row.at_us),
        who=row.who,
        role=cast("AuditRole", row.role),
        act=row.act,
        object=row.object,
        outcome=cast("AuditOutcome", row.outcome),
        request=row.request,
        previous=row.previous,
        hash=row.hash,
    )
