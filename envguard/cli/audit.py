"""``envguard audit``: who changed what, and whether that record is whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from envguard.cli.local import server_client
from envguard.cli.options import filled, json_option
from envguard.cli.output import console, now, print_json
from envguard.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from envguard.client import ServerClient
    from envguard.domain.audit import AuditHead
    from envguard.wire import AuditPage


@click.group(invoke_without_command=True)
@click.option("--since", metavar="TIME", callback=filled, help="Only since then: 2d, 12h, a day, or a time.")
@json_option
@click.pass_context
def audit(ctx: click.Context, since: str | None, *, as_json: bool) -> None:
    """List who changed what on the server, and when.

    Needs an admin's token.

    Example: envguard audit --since 2d
    """
    if ctx.invoked_subcommand is None:
        _list(since, as_json=as_json)


@audit.command(name="list")
@click.option("--since", metavar="TIME", callback=filled, help="Only since then: 2d, 12h, a day, or a time.")
@json_option
def list_(since: str | None, *, as_json: bool) -> None:
    """List who changed what on the server, and when.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard audit list --since 2026-11-23
    """
    _list(since, as_json=as_json)


@audit.command()
@click.option(
    "--head",
    metavar="NUMBER:HASH",
    callback=filled,
    help="A head that was noted down before: the log must still hold it.",
)
@json_option
def verify(head: str | None, *, as_json: bool) -> int:
    """Check that no row was changed, removed or put in.

    Every hash is computed here. Note the head down elsewhere: who may write to the server's database can
    make another whole log, and only that tells it apart.

    Exit code: 0 whole, 1 broken, 2 wrong usage, 3 it could not be read.

    Example: envguard audit verify
    """
    from envguard.report.audited import verified, verified_lines

    noted = None if head is None else _noted(head)
    found = verified(_pages(server_client(), None), noted)
    if as_json:
        print_json(found)
    else:
        click.echo("\n".join(verified_lines(found)))
    return 0 if found.is_whole else 1


def _list(since: str | None, *, as_json: bool) -> None:
    from envguard.report.audited import audit_document, show_audit

    moment = None if since is None else _moment(since)
    pages = _pages(server_client(), moment)
    if as_json:
        print_json(audit_document(pages))
    else:
        show_audit(console(), pages)


def _pages(client: ServerClient, since: datetime | None) -> Iterator[AuditPage]:
    """Yield page after page until the log's end."""
    after = 0
    while True:
        page = client.audit(after=after, since=since)
        yield page
        if not page.rows or page.rows[-1].number <= after:
            return
        after = page.rows[-1].number


def _moment(text: str) -> datetime:
    from envguard.formats.until import parse_since

    return parse_since(text, now().astimezone())


def _noted(text: str) -> AuditHead:
    import re

    from envguard.domain.audit import AuditHead

    found = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", text.strip(), re.ASCII)
    if found is None:
        raise UsageError("not a head", where="--head", hint="`envguard audit verify` prints one: 17:5f0c...")
    return AuditHead(int(found[1]), found[2])
