"""``envguard server migrate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from envguard.cli.local import default_server_state
from envguard.cli.options import database_option, json_option, server_state_option
from envguard.cli.output import print_json
from envguard.cli.progress import Bar
from envguard.cli.server_libraries import server_libraries

if TYPE_CHECKING:
    from envguard.report.upkeep import MigrationDocument
    from envguard.server.store.migrations.running import Position


@click.command()
@server_state_option
@database_option
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Only say what would be done.")
@json_option
def migrate(state: Path | None, database: str | None, *, is_dry_run: bool, as_json: bool) -> None:
    """Bring a server's database up to this version.

    Stop its servers first, and back it up: there is no way back. What is cut off goes on where it was.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard server migrate --dry-run
    """
    with server_libraries():
        from envguard.server.migrating import migrate, plan_migration
    folder = state or default_server_state()
    if is_dry_run:
        document = plan_migration(folder, database)
        for step in () if as_json else document.steps:
            click.echo(_line(step.revision, step.what, step.rows))
    else:
        with Bar() as bar:
            document = migrate(folder, database, lambda at: _show(bar, at, is_silent=as_json))
    if as_json:
        print_json(document)
    else:
        click.echo(_summary(document))


def _show(bar: Bar, at: Position, *, is_silent: bool) -> None:
    if at.rows_total:
        bar.show(f"{at.revision}  {at.what}", at.rows_done, at.rows_total)
    if at.is_whole and not is_silent:
        click.echo(_line(at.revision, at.what, at.rows_total))


def _line(revision: str, what: str, rows: int | None) -> str:
    counted = "" if rows == 0 else ", rows not counted yet" if rows is None else f", {rows:,} rows"
    return f"{revision}  {what}{counted}"


def _summary(document: MigrationDocument) -> str:
    if not document.steps:
        return f"nothing to do: revision {document.revision}"
    if document.is_dry_run:
        return f"would lead from revision {document.revision_before} to {document.revision}; nothing was done"
    return f"done: revision {document.revision}"
