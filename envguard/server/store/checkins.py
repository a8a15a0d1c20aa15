"""What many machines say at once, in a handful of statements whatever their number."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec
import sqlalchemy as sa

from envguard.domain.environment import Digest
from envguard.server.store.schema import environments, machines, past_epochs, snapshots
from envguard.server.store.sets import (
    Dialect,
    Statement,
    as_document,
    bound,
    bound_rows,
    documents,
    is_among,
    rows_of,
)
from envguard.server.tokens import SecretDigest


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """A machine as the server last heard of it."""

    machine: str
    secret: SecretDigest
    epoch: str | None
    seq: int | None
    version: str | None
    records: Digest | None
    """The one hash over the records that the server has of it."""
    told: Digest | None
    """The one that it said last."""
    is_incomplete: bool
    seen_at_s: float
    speakers: str | None
    """JSON; see :mod:`envguard.server.speaking`."""


class _Epoch(msgspec.Struct, frozen=True, array_like=True):
    machine: str
    epoch: str


class _Machine(msgspec.Struct, frozen=True, array_like=True):
    machine: str


_WRITTEN = (
    machines.c.id,
    machines.c.seen_at,
    machines.c.epoch,
    machines.c.seq,
    machines.c.version,
    machines.c.told_digest,
    machines.c.is_incomplete,
    machines.c.speakers,
)


def standings(connection: sa.Connection, secrets: Collection[SecretDigest]) -> dict[SecretDigest, Standing]:
    """Answer the machines that have these secrets; until the transaction ends, they say nothing beside it."""
    found = documents(connection, _STANDINGS, {"secrets": bound(connection, list(secrets))}, Standing)
    return {each.secret: each for each in found}


def epochs_before(connection: sa.Connection, asked: Collection[str]) -> dict[str, set[str]]:
    """Answer the past epochs of these machines."""
    found: dict[str, set[str]] = {machine: set() for machine in asked}
    if asked:
        parameters: dict[str, object] = {"machines": bound(connection, list(asked))}
        for each in documents(connection, _EPOCHS, parameters, _Epoch):
            found[each.machine].add(each.epoch)
    return found


def lacking_snapshots(connection: sa.Connection, asked: Collection[str]) -> set[str]:
    """Answer those of the machines whose records name a snapshot that the server does not have."""
    parameters: dict[str, object] = {"machines": bound(connection, list(asked))}
    return {each.machine for each in documents(connection, _LACKING, parameters, _Machine)}


def record_standings(
    connection: sa.Connection,
    changed: Iterable[Standing],
    past: Mapping[str, Iterable[str]],
) -> None:
    """Keep what machines said last, and the epochs that they left with it."""
    rows = [
        (
            each.machine,
            each.seen_at_s,
            each.epoch,
            each.seq,
            each.version,
            each.told,
            each.is_incomplete,
            each.speakers,
        )
        for each in changed
    ]
    if rows:
        connection.execute(_RECORD.on(connection), bound_rows(connection, _WRITTEN, rows))
    left = [{"machine": machine, "epoch": epoch} for machine, epochs in past.items() for epoch in epochs]
    if left:
        connection.execute(past_epochs.insert(), left)


def _standings(dialect: Dialect) -> sa.Executable:
    query = sa.select(
        machines.c.id,
        machines.c.secret_digest,
        machines.c.epoch,
        machines.c.seq,
        machines.c.version,
        machines.c.records_digest,
        machines.c.told_digest,
        machines.c.is_incomplete,
        machines.c.seen_at,
        machines.c.speakers,
    ).where(is_among(machines.c.secret_digest, "secrets", dialect))
    # In one order everywhere: of two transactions with the same machines, one waits for the other.
    return as_document(query.order_by(machines.c.id).with_for_update(), dialect)


def _epochs(dialect: Dialect) -> sa.Executable:
    query = sa.select(past_epochs.c.machine, past_epochs.c.epoch)
    return as_document(query.where(is_among(past_epochs.c.machine, "machines", dialect)), dialect)


def _lacking(dialect: Dialect) -> sa.Executable:
    is_here = sa.exists().where(snapshots.c.digest == environments.c.snapshot)
    query = sa.select(environments.c.machine).distinct().where(~is_here)
    return as_document(query.where(is_among(environments.c.machine, "machines", dialect)), dialect)


def _record(dialect: Dialect) -> sa.Executable:
    said = rows_of(_WRITTEN, dialect)
    values = {each.name: said.c[each.name] for each in _WRITTEN[1:]}
    return machines.update().values(values).where(machines.c.id == said.c.id)


_STANDINGS = Statement(_standings)
_EPOCHS = Statement(_epochs)
_LACKING = Statement(_lacking)
_RECORD = Statement(_record)
