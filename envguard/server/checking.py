"""``server check``: whether a server's database can be relied on. Nothing in it is changed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from envguard.report.upkeep import CheckedDocuments, CheckPart, CheckProblem, ServerCheckDocument
from envguard.server.state import open_existing
from envguard.server.store import health
from envguard.server.store.database import Database
from envguard.server.store.documents import KINDS, Kind, compared, count_of
from envguard.server.store.health import Fault
from envguard.server.store.preparing import leave
from envguard.server.store.revision import is_whole, refuse_unknown, revision_of
from envguard.server.store.schema import HEAD

_TOLD_AT_MOST = 20
"""Damaged documents of one kind that are named; the others are counted."""

Progress = Callable[[str, int, int], None]
"""Told of a kind of documents, how many are done, and how many there are."""


def check_database(state: Path, url: str | None, progress: Progress) -> ServerCheckDocument:
    """Look at all of it; raises StateError where there is none, it cannot be reached, or it is newer."""
    with contextlib.closing(open_existing(state, url, leave)) as database, database.in_words("checked"):
        with database.reading() as connection:
            engine, revision, is_ours = health.engine_of(connection), None, False
            looks = {"integrity": health.integrity_of(connection), "settings": health.settings_of(connection)}
            is_sound = not looks["integrity"].faults  # else its revision may be what is damaged
            if is_sound:
                revision = revision_of(connection)
                refuse_unknown(revision, HEAD, database.place)
                is_ours = is_whole(connection)
            if is_ours:
                looks["references"] = health.references_of(connection)
        faults = [fault for look in looks.values() for fault in look.faults]
        documents = None
        if is_ours:
            documents, damaged = _documents(database, progress)
            faults += damaged
        elif is_sound:
            faults.append(_old(revision))
    return ServerCheckDocument(
        database=database.told,
        engine=engine,
        revision=revision,
        parts=tuple(CheckPart(name, look.words) for name, look in looks.items()),
        documents=documents,
        problems=tuple(CheckProblem(each.what, each.hint) for each in faults),
    )


def _old(revision: str | None) -> Fault:
    if revision is None:
        return Fault("it has no tables", "a server makes them: envguard server, or: envguard server migrate")
    if revision == HEAD:
        return Fault("a migration was cut off, or is under way", "envguard server migrate")
    return Fault(f"its tables are of revision {revision}, not {HEAD}", "envguard server migrate")


def _documents(database: Database, progress: Progress) -> tuple[CheckedDocuments, list[Fault]]:
    counts: dict[Kind, int] = {}
    faults: list[Fault] = []
    for kind in KINDS:
        with database.reading() as connection:
            total = count_of(connection, kind)
        damaged: list[Fault] = []
        counts[kind] = 0
        for fault in compared(database.reading, kind):
            counts[kind] += 1
            progress(kind, counts[kind], max(total, counts[kind]))
            if fault is not None:
                damaged.append(fault)
        faults += damaged[:_TOLD_AT_MOST]
        if len(damaged) > _TOLD_AT_MOST:
            more = f"{kind}: {len(damaged) - _TOLD_AT_MOST} more are damaged"
            faults.append(Fault(more, "restore the last backup"))
    return CheckedDocuments(**counts), faults
