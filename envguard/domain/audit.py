"""The audit log: rows that are only added, each with a hash over itself and over the hash before it.

Rules
1. The first row follows :data:`GENESIS`; numbers begin at 1 and have no gaps.
2. The head is kept beside the rows: without it nobody would miss the last ones.
3. A row that was changed, removed, moved or put in between breaks the chain there. Who may rewrite rows and
   head can make another whole chain: a head that was noted down elsewhere tells it apart.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

import msgspec

from envguard.domain.rights import Role

GENESIS = "0" * 64

AuditRole = Literal[Role, "server", "nobody"]

AuditOutcome = Literal["done", "refused"]


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be written down: who did what to what."""

    who: str
    role: AuditRole
    act: str
    """Thing and verb, such as ``policy.push``."""
    object: str
    outcome: AuditOutcome = "done"
    request: str | None = None
    """The id of the request, which the server's log lines carry too."""


class AuditRow(AuditEntry, frozen=True, kw_only=True):
    """What was written down."""

    number: int
    at: datetime
    """By the server's clock."""
    previous: str
    """The hash of the row before."""
    hash: str


class AuditHead(msgspec.Struct, frozen=True):
    """Where the log ends."""

    number: int = 0
    hash: str = GENESIS


class Broken(msgspec.Struct, frozen=True):
    """The first place at which the chain is not whole."""

    number: int
    why: str


def chained(entry: AuditEntry, head: AuditHead, at: datetime) -> AuditRow:
    """Answer an entry as the row that follows the head."""
    bare = AuditRow(
        **msgspec.structs.asdict(entry), number=head.number + 1, at=at, previous=head.hash, hash=""
    )
    return msgspec.structs.replace(bare, hash=hash_of(bare))


def hash_of(row: AuditRow) -> str:
    """Answer the hash that a row must have."""
    content = (
        row.previous,
        row.number,
        row.at,
        row.who,
        row.role,
        row.act,
        row.object,
        row.outcome,
        row.request,
    )
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()


class ChainCheck:
    """Follows a chain from its beginning, row by row."""

    def __init__(self) -> None:
        """Begin before the first row."""
        self._head = AuditHead()

    @property
    def head(self) -> AuditHead:
        """The last row that was whole."""
        return self._head

    def follow(self, row: AuditRow) -> Broken | None:
        """Answer what is wrong with the next row; None where it follows."""
        expected = self._head.number + 1
        if row.number != expected:
            return Broken(expected, f"row {row.number} stands in its place")
        if row.previous != self._head.hash:
            return Broken(expected, "it does not follow the row before it")
        if row.hash != hash_of(row):
            return Broken(expected, "its hash is not that of its content")
        self._head = AuditHead(row.number, row.hash)
        return None

    def end(self, head: AuditHead) -> Broken | None:
        """Answer what is wrong after the last row; ``head`` is where the log says that it ends."""
        if self._head == head:
            return None
        if self._head.number < head.number:
            return Broken(self._head.number + 1, f"it is missing: the log ends with row {head.number}")
        return Broken(self._head.number, f"the log ends with row {head.number}, and another hash")
