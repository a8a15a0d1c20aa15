"""Machines that said goodbye."""

from __future__ import annotations

import sqlalchemy as sa

from envguard.server.store.schema import machines
from envguard.wire import Goodbye


def keep_goodbye(connection: sa.Connection, machine: str, said: Goodbye, now_s: float) -> bool:
    """Keep that a machine leaves; answer whether that is the last that it said."""
    is_next = (machines.c.epoch == said.epoch) & (machines.c.seq < said.seq)
    values = {"left_at": now_s, "seq": said.seq}
    where = machines.update().where(machines.c.id == machine, is_next)
    return connection.execute(where.values(values)).rowcount == 1
