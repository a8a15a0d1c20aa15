"""What an admin asks of the audit log; whether it is whole is for who reads it to find out."""

from __future__ import annotations

import re
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from envguard.server.receipts import moment_asked
from envguard.server.refusals import JsonResponse, RefusalError
from envguard.server.service import Service
from envguard.server.store import audit
from envguard.server.store.access import Principal
from envguard.wire import AUDIT_PAGE, AuditPage

_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)


class AuditApi:
    """The routes of the audit log."""

    def __init__(self, service: Service) -> None:
        """Answer by this service."""
        self._service = service

    async def list(self, request: Request, _principal: Principal) -> Response:
        """``GET audit``: behind ``?after=`` a row's number, since ``?since=`` a time."""
        asked = request.query_params
        after = _number_asked(asked["after"]) if "after" in asked else 0
        since = moment_asked(asked["since"], "since") if "since" in asked else None
        return JsonResponse(await run_in_threadpool(self._page, after, since))

    def _page(self, after: int, since: datetime | None) -> AuditPage:
        with self._service.database.reading() as connection:
            rows = audit.audit_rows(connection, after=after, limit=AUDIT_PAGE, since=since)
            return AuditPage(rows=rows, head=audit.head_of_audit(connection))


def _number_asked(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise RefusalError(400, "not a row's number: after", "?after=0")
    return int(text)
