"""All stored documents, read in batches: whether each is what its digest says."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Literal, NamedTuple

import msgspec
import sqlalchemy as sa

from envguard.domain.environment import Snapshot, digest_of
from envguard.domain.facts import MachineFacts
from envguard.domain.policy import PolicySource
from envguard.server.store.health import Fault
from envguard.server.store.schema import facts, policies, snapshots

_AT_ONCE = 200
"""Documents in one transaction: a reader that stays open lets SQLite's log grow."""

_Row = tuple[Any, ...]
Reading = Callable[[], AbstractContextManager[sa.Connection]]


class _Kind(NamedTuple):
    table: sa.Table
    keys: tuple[sa.Column[Any], ...]
    document: sa.Column[bytes]
    type: type[msgspec.Struct]
    unpack: Callable[[bytes], bytes]
    hint: str
    """What to do about one that is damaged; with ``{digest}``."""


_KINDS = {
    "snapshots": _Kind(
        snapshots,
        (snapshots.c.digest,),
        snapshots.c.document,
        Snapshot,
        zlib.decompress,
        "machines send it again after: DELETE FROM snapshots WHERE digest = '{digest}'",
    ),
    "facts": _Kind(
        facts,
        (facts.c.digest,),
        facts.c.document,
        MachineFacts,
        bytes,
        "machines tell them again after: DELETE FROM facts WHERE digest = '{digest}';"
        " UPDATE machines SET records_digest = NULL WHERE facts_digest = '{digest}'",
    ),
    "policies": _Kind(
        policies,
        (policies.c.name, policies.c.revision),
        policies.c.source,
        PolicySource,
        bytes,
        "restore the last backup; until then push it anew: envguard policy push FILE",
    ),
}
Kind = Literal["snapshots", "facts", "policies"]
KINDS: tuple[Kind, ...] = ("snapshots", "facts", "policies")


def count_of(connection: sa.Connection, kind: Kind) -> int:
    """Answer how many documents there are of a kind."""
    return connection.execute(sa.select(sa.func.count()).select_from(_KINDS[kind].table)).scalar_one()


def compared(reading: Reading, kind: Kind) -> Iterator[Fault | None]:
    """Yield for each document of a kind whether it is what its digest says, or what is wrong with it."""
    of_kind = _KINDS[kind]
    query = sa.select(*of_kind.keys, of_kind.table.c.digest.label("digest_of_it"), of_kind.document)
    query = query.order_by(*of_kind.keys).limit(_AT_ONCE)
    last: _Row | None = None
    while True:
        after = sa.true() if last is None else _is_after(of_kind, last)
        with reading() as connection:
            rows: list[_Row] = [tuple(each) for each in connection.execute(query.where(after))]
        for row in rows:
            yield _fault(of_kind, row)
        if len(rows) < _AT_ONCE:
            return
        last = rows[-1]


def _is_after(kind: _Kind, row: _Row) -> sa.ColumnElement[bool]:
    return sa.tuple_(*kind.keys) > sa.tuple_(*row[: len(kind.keys)])


def _fault(kind: _Kind, row: _Row) -> Fault | None:
    *keys, digest, document = row
    why = _why_not(kind, digest, document)
    if why is None:
        return None
    name = " r".join(map(str, keys))
    return Fault(f"{kind.table.name}: {name}: {why}", kind.hint.format(digest=digest))


def _why_not(kind: _Kind, digest: str, document: bytes) -> str | None:
    try:
        found = digest_of(msgspec.json.decode(kind.unpack(document), type=kind.type))
    except (zlib.error, msgspec.MsgspecError, UnicodeDecodeError, TypeError) as error:
        return f"it cannot be read: {str(error).splitlines()[0]}"
    return None if found == digest else f"its content has another digest: {found}"
