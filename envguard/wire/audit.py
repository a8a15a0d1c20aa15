"""The audit log on its way, a page at a time."""

from __future__ import annotations

import msgspec

from envguard.domain.audit import AuditHead, AuditRow

AUDIT_PAGE = 1000
"""Rows of one answer at most."""


class AuditPage(msgspec.Struct, frozen=True, kw_only=True):
    """``GET audit?after=N&since=TIME``: the rows behind a number, in their order."""

    rows: tuple[AuditRow, ...]
    head: AuditHead
    """Where the log ended when these were read."""
