"""The audit log for people: its rows, and whether its chain is whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.audit import AuditHead, AuditRow, Broken, ChainCheck
from envguard.report.printable import one_line
from envguard.report.printing import print_text
from envguard.wire import AuditPage

if TYPE_CHECKING:
    from rich.console import Console


class AuditDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/audit/1"):
    """``audit --json``: the rows in their order."""

    rows: tuple[AuditRow, ...]
    head: AuditHead
    """Where the log ends."""


class VerifiedDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/audit-verified/1"
):
    """``audit verify --json``."""

    is_whole: bool
    rows: int
    """How many are whole, from the first one on."""
    head: AuditHead
    """The last whole row: to be noted down elsewhere."""
    broken: Broken | None = None
    """The first place where the log is not whole."""


def audit_document(pages: Iterable[AuditPage]) -> AuditDocument:
    """Answer all rows."""
    rows: list[AuditRow] = []
    head = AuditHead()
    for page in pages:
        rows += page.rows
        head = page.head
    return AuditDocument(rows=tuple(rows), head=head)


def show_audit(console: Console, pages: Iterable[AuditPage]) -> None:
    """Print each row in a line."""
    is_empty = True
    for page in pages:
        for row in page.rows:
            is_empty = False
            refused = "" if row.outcome == "done" else f"  {row.outcome}"
            who = f"{one_line(row.who)} ({row.role})"
            when = f"{row.at:%Y-%m-%d %H:%M:%S}"
            print_text(console, f"{row.number:>5}  {when}  {who}  {row.act}  {one_line(row.object)}{refused}")
    if is_empty:
        print_text(console, "nothing was changed then")


def verified(pages: Iterable[AuditPage], noted: AuditHead | None = None) -> VerifiedDocument:
    """Follow the chain to its end; ``noted`` is a head that it once had."""
    check, last = ChainCheck(), AuditHead()
    held = noted is None or noted == AuditHead()
    for page in pages:
        for row in page.rows:
            broken = check.follow(row)
            if broken is not None:
                return _broken(check, broken)
            held = held or check.head == noted
        last = page.head
    broken = check.end(last)
    if broken is None and not held and noted is not None:
        broken = Broken(noted.number, "the log has another row there than the head that was noted down")
    if broken is not None:
        return _broken(check, broken)
    return VerifiedDocument(is_whole=True, rows=check.head.number, head=check.head)


def verified_lines(found: VerifiedDocument) -> Iterator[str]:
    """Yield what was found, and the head."""
    if found.broken is None:
        yield f"whole: {found.rows} rows"
    else:
        yield f"broken at row {found.broken.number}: {found.broken.why}"
        yield f"whole until there: {found.rows} rows"
    yield f"head {found.head.number}:{found.head.hash}"


def _broken(check: ChainCheck, broken: Broken) -> VerifiedDocument:
    return VerifiedDocument(is_whole=False, rows=check.head.number, head=check.head, broken=broken)
