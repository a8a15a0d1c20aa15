"""``envguard server check``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from envguard.cli.local import default_server_state
from envguard.cli.options import database_option, json_option, server_state_option
from envguard.cli.output import print_json
from envguard.cli.progress import Bar
from envguard.cli.server_libraries import server_libraries
from envguard.report.printable import printable

if TYPE_CHECKING:
    from envguard.report.upkeep import ServerCheckDocument

_INDENT = 12


@click.command()
@server_state_option
@database_option
@json_option
def check(state: Path | None, database: str | None, *, as_json: bool) -> int:
    """Say whether a server's database can be relied on.

    Looks at its file, its settings, its tables, every stored document and what points to what. Servers may
    run meanwhile; nothing is changed.

    Exit code: 0 sound, 1 problems, 2 wrong usage, 3 it could not be looked at.

    Example: envguard server check
    """
    with server_libraries():
        from envguard.server.checking import check_database
    with Bar() as bar:
        document = check_database(state or default_server_state(), database, bar.show)
    if as_json:
        print_json(document)
    else:
        _print(document)
    return 1 if document.problems else 0


def _print(document: ServerCheckDocument) -> None:
    _line("database", f"{document.database}, {document.engine}, revision {document.revision or 'none'}")
    for part in document.parts:
        _line(part.name, part.found)
    if document.documents is not None:
        counted = document.documents
        _line(
            "documents",
            f"{counted.snapshots:,} snapshots, {counted.facts:,} facts, {counted.policies:,} policies",
        )
    for problem in document.problems:
        click.echo()
        _line("problem", problem.what)
        _line("hint", problem.hint)
    if not document.problems:
        _line("sound", "nothing to do")


def _line(name: str, text: str) -> None:
    click.echo(f"{name:{_INDENT}}{printable(text)}")
