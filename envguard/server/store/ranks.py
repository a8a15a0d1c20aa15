"""The notes of meetings: each is written once, and gone after a day."""

from __future__ import annotations

import zlib
from collections.abc import Collection

import msgspec
import sqlalchemy as sa

from envguard.server.store.database import insert_once
from envguard.server.store.schema import rank_notes
from envguard.wire import RankNote

KEPT_S = 24 * 3600.0
_AT_ONCE = 500
"""SQLite takes 999 values in one statement."""


class Size(msgspec.Struct, frozen=True):
    """How many notes there are, and how many bytes they are as they came."""

    notes: int
    size_bytes: int


def forget_old_notes(connection: sa.Connection, now_s: float) -> None:
    """Remove what is over a day old."""
    connection.execute(rank_notes.delete().where(rank_notes.c.made_at <= now_s - KEPT_S))


def add_note(connection: sa.Connection, meeting: str, note: RankNote, *, author: str, now_s: float) -> bool:
    """Keep a note; answer whether it is what lies there then: no note is ever changed."""
    content = note.text.encode("utf-8")
    row = {"meeting": meeting, "name": note.name, "author": author, "made_at": now_s}
    values = {**row, "size_bytes": len(content), "content": zlib.compress(content)}
    if insert_once(connection, rank_notes, values):
        return True
    return note_named(connection, meeting, note.name) == note.text


def drop_notes(connection: sa.Connection, meeting: str, names: Collection[str]) -> None:
    """Remove notes of a meeting."""
    ordered = sorted(names)
    for at in range(0, len(ordered), _AT_ONCE):
        where = rank_notes.c.name.in_(ordered[at : at + _AT_ONCE])
        connection.execute(rank_notes.delete().where(rank_notes.c.meeting == meeting, where))


def note_named(connection: sa.Connection, meeting: str, name: str) -> str | None:
    """Answer what a note says; None where there is none."""
    where = (rank_notes.c.meeting == meeting, rank_notes.c.name == name)
    content = connection.scalar(sa.select(rank_notes.c.content).where(*where))
    return None if content is None else zlib.decompress(content).decode("utf-8")


def names_of_notes(connection: sa.Connection, meeting: str) -> tuple[str, ...]:
    """Answer the names of a meeting's notes, sorted."""
    query = sa.select(rank_notes.c.name).where(rank_notes.c.meeting == meeting)
    return tuple(sorted(connection.scalars(query)))


def size_of_meeting(connection: sa.Connection, meeting: str) -> Size:
    """Answer how large a meeting is."""
    return _size(connection, rank_notes.c.meeting == meeting)


def size_of_author(connection: sa.Connection, author: str) -> Size:
    """Answer how much of all meetings came from one machine, or from the admin."""
    return _size(connection, rank_notes.c.author == author)


def _size(connection: sa.Connection, where: sa.ColumnElement[bool]) -> Size:
    columns = (sa.func.count(), sa.func.coalesce(sa.func.sum(rank_notes.c.size_bytes), 0))
    notes, size_bytes = connection.execute(sa.select(*columns).where(where)).one()
    return Size(int(notes), int(size_bytes))
