"""A meeting of a job's ranks: notes that lie at the server for a day, and that all ranks see."""

from __future__ import annotations

import msgspec


class RankNote(msgspec.Struct, frozen=True):
    """One note; what it says is the ranks' own affair."""

    name: str
    text: str


class RankNotes(msgspec.Struct, frozen=True, kw_only=True):
    """``POST ranks/{meeting}``: keep these notes, and drop those that nobody needs any more."""

    notes: tuple[RankNote, ...] = ()
    drop: tuple[str, ...] = ()


class RankNames(msgspec.Struct, frozen=True):
    """``GET ranks/{meeting}``: the names of the notes that lie there."""

    names: tuple[str, ...]


class RankNoteReply(msgspec.Struct, frozen=True):
    """``GET ranks/{meeting}/{name}``: None where there is no such note."""

    text: str | None
