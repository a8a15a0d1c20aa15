"""The team as lists; :mod:`envguard.server.listing` finds the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from envguard.report.rows import as_csv
from envguard.server.asked import (
    EnvironmentsAsked,
    FindingsAsked,
    Judged,
    MachinesAsked,
    PackageQuery,
    Paging,
    asked_of,
)
from envguard.server.auth import identify
from envguard.server.holders import holders_page
from envguard.server.listing import (
    Places,
    Position,
    count_of,
    environment_rows,
    finding_rows,
    machine_rows,
    package_wanted,
    page_of,
    position_of,
)
from envguard.server.refusals import JsonResponse
from envguard.server.service import Service
from envguard.wire.lists import (
    EnvironmentRow,
    EnvironmentsPage,
    FindingRow,
    FindingsPage,
    MachineRow,
    MachinesPage,
    PackagePage,
    PackageRow,
)

Asked = TypeVar("Asked", bound=Judged)
Row = TypeVar("Row", bound=msgspec.Struct)
AnyPage = MachinesPage | EnvironmentsPage | FindingsPage | PackagePage


class ListApi:
    """The routes of lists."""

    def __init__(self, service: Service) -> None:
        """Answer by this service."""
        self._service = service

    async def machines(self, request: Request) -> Response:
        """``GET team/machines``."""
        return await self._listed(request, MachinesAsked, machine_rows, MachinesPage, MachineRow)

    async def environments(self, request: Request) -> Response:
        """``GET team/environments``."""
        return await self._listed(
            request, EnvironmentsAsked, environment_rows, EnvironmentsPage, EnvironmentRow
        )

    async def findings(self, request: Request) -> Response:
        """``GET team/findings``."""
        return await self._listed(request, FindingsAsked, finding_rows, FindingsPage, FindingRow)

    async def package(self, request: Request) -> Response:
        """``GET team/packages/{package}``."""
        owner = (await identify(request, self._service)).machine
        asked = asked_of(PackageQuery, request.query_params)
        package = package_wanted(f"{request.path_params['package']} {asked.version or ''}", "version")
        after = position_of(asked.cursor)

        def look() -> Response:
            page, count = holders_page(self._service, package, asked, owner, after)
            found = PackagePage(rows=page.rows, next=page.next, count=count)
            return _answer(request, asked, found, PackageRow)

        return await run_in_threadpool(look)

    async def _listed(
        self,
        request: Request,
        kind: type[Asked],
        rows: Callable[[Service, Asked, str | None, Position], Places[Row]],
        page_kind: Callable[..., AnyPage],
        row_kind: type[Row],
    ) -> Response:
        owner = (await identify(request, self._service)).machine
        asked = asked_of(kind, request.query_params)
        after = position_of(asked.cursor)

        def look() -> Response:
            page = page_of(rows(self._service, asked, owner, after), limit=asked.limit)
            count = count_of(rows(self._service, asked, owner, Position())) if asked.count else None
            return _answer(request, asked, page_kind(rows=page.rows, next=page.next, count=count), row_kind)

        return await run_in_threadpool(look)


def _answer(request: Request, asked: Paging, page: AnyPage, kind: type[msgspec.Struct]) -> Response:
    headers = {"Vary": "Accept"}
    if page.next is not None:
        after = request.url.include_query_params(cursor=page.next)
        headers["Link"] = f'<{after.path}?{after.query}>; rel="next"'
    if page.count is not None:
        headers["Envguard-Count"] = str(page.count)
    if not _wants_csv(request, asked):
        return JsonResponse(page, headers=headers)
    return Response(as_csv(kind, page.rows), media_type="text/csv", headers=headers)


def _wants_csv(request: Request, asked: Paging) -> bool:
    if asked.format is not None:
        return asked.format == "csv"
    accepted = request.headers.get("accept", "")
    return "text/csv" in accepted and "application/json" not in accepted
