"""The policies and their revisions."""

from __future__ import annotations

from datetime import datetime, timezone
from itertools import pairwise

import msgspec
import sqlalchemy as sa

from envguard.domain.environment import Digest, digest_of
from envguard.domain.policy import EarlierSource, PolicySource
from envguard.server.store.schema import policies
from envguard.wire import PolicyRevision, RevisionRow

_EARLIER_AT_MOST = 3
"""Locks that travel beside the newest: one has half a megabyte, and who pushes daily needs no more."""


def newest_policies(connection: sa.Connection) -> tuple[PolicyRevision, ...]:
    """Answer the newest revision of each policy, by name."""
    newest = (
        sa.select(policies.c.name, sa.func.max(policies.c.revision).label("revision"))
        .group_by(policies.c.name)
        .subquery()
    )
    both = (policies.c.name == newest.c.name) & (policies.c.revision == newest.c.revision)
    query = sa.select(policies).join(newest, both).order_by(policies.c.name)
    return tuple(map(_revision, connection.execute(query)))


def newest_revisions(connection: sa.Connection) -> dict[str, int]:
    """Answer the number of each policy's newest revision."""
    query = sa.select(policies.c.name, sa.func.max(policies.c.revision)).group_by(policies.c.name)
    return {row[0]: row[1] for row in connection.execute(query.order_by(policies.c.name))}


def revision_of(connection: sa.Connection, name: str, number: int | None) -> PolicyRevision | None:
    """Answer one revision of a policy, the newest where no number is given; None where there is none."""
    query = sa.select(policies).where(policies.c.name == name)
    if number is not None:
        query = query.where(policies.c.revision == number)
    row = connection.execute(query.order_by(policies.c.revision.desc()).limit(1)).first()
    return None if row is None else _revision(row)


def revisions_of(connection: sa.Connection, name: str) -> tuple[RevisionRow, ...]:
    """Answer all revisions of a policy without their files, the newest first."""
    of = policies.c
    columns = (of.revision, of.lock_revision, of.digest, of.pushed_at, of.pushed_by)
    query = sa.select(*columns).where(of.name == name).order_by(of.revision.desc())
    return tuple(
        RevisionRow(
            revision=row.revision,
            lock_revision=row.lock_revision,
            digest=Digest(row.digest),
            pushed_at=datetime.fromtimestamp(row.pushed_at, timezone.utc),
            pushed_by=row.pushed_by,
        )
        for row in connection.execute(query)
    )


def replaced_locks(
    connection: sa.Connection, revision: PolicyRevision, *, grace_s: float, now_s: float
) -> tuple[EarlierSource, ...]:
    """Answer the locks before this revision's whose grace is not over, the newest first, a few at most."""
    of_policy = (policies.c.name == revision.name) & (policies.c.lock_revision <= revision.lock_revision)
    query = (
        sa.select(
            policies.c.lock_revision,
            sa.func.min(policies.c.pushed_at).label("came_at"),
            sa.func.max(policies.c.revision).label("last"),
        )
        .where(of_policy)
        .group_by(policies.c.lock_revision)
        .order_by(policies.c.lock_revision.desc())
        .limit(_EARLIER_AT_MOST + 1)
    )
    found: list[EarlierSource] = []
    for newer, older in pairwise(connection.execute(query).all()):
        until_s = newer.came_at + grace_s
        kept = revision_of(connection, revision.name, older.last) if until_s > now_s else None
        if kept is None:
            break
        until = datetime.fromtimestamp(until_s, timezone.utc)
        found.append(EarlierSource(source=kept.source, lock_revision=older.lock_revision, until=until))
    return tuple(found)


def add_revision(
    connection: sa.Connection, name: str, source: PolicySource, now_s: float, *, by: str
) -> tuple[PolicyRevision, bool]:
    """Answer the revision of these files, and whether it is new; a lock's number moves with its text."""
    known = {each.name: each for each in newest_policies(connection)}.get(name)
    if known is not None and known.source == source:
        return known, False
    lock_revision = _lock_revision(connection, name, known, source)
    revision = PolicyRevision(
        name=name,
        revision=known.revision + 1 if known is not None else 1,
        lock_revision=lock_revision,
        digest=digest_of(source),
        pushed_at=datetime.fromtimestamp(now_s, timezone.utc),
        source=source,
    )
    values = {
        "name": name,
        "revision": revision.revision,
        "lock_revision": lock_revision,
        "digest": revision.digest,
        "pushed_at": now_s,
        "pushed_by": by,
        "source": msgspec.json.encode(source),
    }
    connection.execute(policies.insert().values(values))
    return revision, True


def _lock_revision(
    connection: sa.Connection, name: str, known: PolicyRevision | None, source: PolicySource
) -> int | None:
    if source.lock_text is None:
        return None
    if known is not None and _lock_files(known.source) == _lock_files(source):
        return known.lock_revision
    query = sa.select(sa.func.max(policies.c.lock_revision)).where(policies.c.name == name)
    return (connection.scalar(query) or 0) + 1


def _lock_files(source: PolicySource) -> tuple[object, ...]:
    """The lock with all files that it may name: a constraint that moved is another lock."""
    return source.lock_text, source.further


def _revision(row: sa.Row[tuple[object, ...]]) -> PolicyRevision:
    return PolicyRevision(
        name=row.name,
        revision=row.revision,
        lock_revision=row.lock_revision,
        digest=Digest(row.digest),
        pushed_at=datetime.fromtimestamp(row.pushed_at, timezone.utc),
        source=msgspec.json.decode(row.source, type=PolicySource),
    )
