"""Who has a package: the rows of ``GET team/packages/{package}``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone

from envguard.domain.package_asked import PackageAsked
from envguard.server.asked import PackageQuery
from envguard.server.listing import Page, Places, Position, count_of, is_of, page_of
from envguard.server.service import Service
from envguard.server.store.packages import (
    HeldIn,
    WhoHas,
    count_with,
    environments_with,
    is_widespread,
    plan_afresh,
    versions_asked,
)
from envguard.wire.lists import PackageRow

_MOST_LOOKED_AT = 20_000
"""Environments that one request looks at, unless it counts."""


def holders_page(
    service: Service, package: PackageAsked, asked: PackageQuery, owner: str | None, after: Position
) -> tuple[Page[PackageRow], int | None]:
    """Answer a page of who has it, and where that is asked for how many have it."""
    is_filtered = asked.name is not None or bool(asked.label)
    with service.database.reading() as connection:
        plan_afresh(connection)
        wanted = WhoHas(versions=versions_asked(connection, package), owner=owner, machine=asked.machine)
        at_most = (_MOST_LOOKED_AT if is_filtered else asked.limit) + 1
        is_sorted = not is_widespread(connection, wanted)
        behind = (after.machine, after.environment)
        found = environments_with(connection, wanted, after=behind, at_most=at_most, is_sorted=is_sorted)
        page = page_of(_places(found, package, asked), limit=asked.limit, most_looked_at=_MOST_LOOKED_AT)
        if not asked.count:
            return page, None
        if not is_filtered:
            return page, count_with(connection, wanted)
        everywhere = environments_with(connection, wanted, after=("", ""), is_sorted=True)
        return page, count_of(_places(everywhere, package, asked))


def _places(found: Iterator[HeldIn], package: PackageAsked, asked: PackageQuery) -> Places[PackageRow]:
    for each in found:
        position = Position(each.machine, each.path_digest)
        yield position, _row(each, package) if is_of(asked, each.machine, each.labels) else None


def _row(held: HeldIn, package: PackageAsked) -> PackageRow:
    record = held.record
    return PackageRow(
        machine=held.machine,
        seen=datetime.fromtimestamp(held.seen_at_s, timezone.utc),
        environment=record.path,
        kind=record.kind,
        owner=record.owner,
        package=package.name,
        versions=held.versions,
        digest=record.digest,
    )
