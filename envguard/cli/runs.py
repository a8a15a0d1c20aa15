"""``envguard runs``: the team's, where there is a server, else those of this project."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envguard.cli.options import filled, json_option
from envguard.cli.output import console, now, print_json

if TYPE_CHECKING:
    from envguard.domain.package_asked import PackageAsked
    from envguard.domain.receipt import Receipt
    from envguard.wire import RunEntry

_PAGE = 500
"""Runs that one answer of the server has at most."""


@click.command()
@click.option(
    "--with",
    "requirement",
    metavar="SPEC",
    callback=filled,
    help="Only those with this package, such as 'numpy>=2'.",
)
@click.option("--mine", is_flag=True, help="Only mine, on whichever machine.")
@click.option("--here", "is_here", is_flag=True, help="Only those of this project, by its receipts.")
@click.option(
    "--count",
    metavar="N",
    type=click.IntRange(min=1, max=1_000_000),
    default=20,
    show_default=True,
    help="At most so many.",
)
@json_option
def runs(requirement: str | None, count: int, *, mine: bool, is_here: bool, as_json: bool) -> None:
    """List runs, the newest first: the team's, or this project's.

    The team's are all of which the server was told, also the refused ones; without a person's token, on a
    machine that joined, only those of this machine. Without a server, or where it cannot be reached, they are
    those of this project, told by the receipts in `.envguard/runs`; those that went to a folder of their own
    are not among them.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard runs --with 'numpy>=2'
    """
    wanted = _wanted(requirement) if requirement is not None else None
    entries = None if is_here else _of_team(requirement, count, mine=mine)
    if entries is not None:
        _show_team(entries, as_json=as_json)
        return
    found = list(islice(_found(wanted), count))
    if as_json:
        from envguard.report.runs import runs_document

        print_json(runs_document(found))
        return
    from envguard.report.runs import show_runs

    show_runs(console(), found, now=now())


def _of_team(requirement: str | None, count: int, *, mine: bool) -> list[RunEntry] | None:
    """What the server knows; None where there is none, or it does not answer, which is said."""
    from envguard.cli.handing_on import own_name
    from envguard.cli.sending import send_waiting, server_within
    from envguard.errors import TransportError, UsageError

    try:
        client = server_within()
    except UsageError as error:
        _say_why_here(error, is_server_named=_is_server_named())
        return None
    try:
        send_waiting()
        found: list[RunEntry] = []
        before: str | None = None
        while len(found) < count:
            page = client.runs(
                with_=requirement,
                person=own_name() if mine else None,
                before=before,
                limit=min(count - len(found), _PAGE),
            )
            found += page.runs
            before = page.next
            if before is None:
                break
    except TransportError as error:
        _say_why_here(error, is_server_named=True)
        return None
    return found


def _is_server_named() -> bool:
    import os

    return bool(os.environ.get("ENVGUARD_SERVER"))


def _say_why_here(error: Exception, *, is_server_named: bool) -> None:
    from envguard.cli.handing_on import own_outbox
    from envguard.cli.output import tell

    if not is_server_named:
        return
    count = len(own_outbox().waiting())
    waiting = f"; {count} of yours wait to be sent" if count else ""
    tell(f"warning: these are the runs of this project only: {error}{waiting}")


def _show_team(entries: list[RunEntry], *, as_json: bool) -> None:
    if as_json:
        from envguard.report.runs import team_runs_document

        print_json(team_runs_document(entries))
        return
    from envguard.report.runs import show_team_runs

    show_team_runs(console(), entries, now=now())


def _found(wanted: PackageAsked | None) -> Iterator[tuple[str, Receipt]]:
    from envguard.cli.receipts import receipts_of

    for folder, receipt in receipts_of(str(Path.cwd())):
        if wanted is None or wanted.is_among(_packages_of(receipt)):
            yield folder, receipt


def _packages_of(receipt: Receipt) -> Iterator[tuple[str, str]]:
    packages = receipt.judgement.snapshot.packages if receipt.judgement is not None else ()
    yield from ((each.name, each.version) for each in packages)


def _wanted(requirement: str) -> PackageAsked:
    """What is looked for. Raises UsageError."""
    from envguard.domain.package_asked import NotAsked, package_asked
    from envguard.errors import UsageError

    asked = package_asked(requirement)
    if isinstance(asked, NotAsked):
        raise UsageError(f"{asked.reason}: {requirement}", where="--with", hint="--with 'numpy>=2'")
    return asked
