"""``envguard server backup`` and ``envguard server restore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from envguard.cli.local import default_server_state
from envguard.cli.options import database_option, json_option, server_state_option
from envguard.cli.output import now, print_json
from envguard.cli.progress import Bar
from envguard.cli.server_libraries import server_libraries

if TYPE_CHECKING:
    from envguard.report.upkeep import BackupDocument, RestoreDocument

_KINDS = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@click.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE|DIR")
@server_state_option
@database_option
@json_option
def backup(file: Path, state: Path | None, database: str | None, *, as_json: bool) -> None:
    """Keep a server's database and keys in one file.

    The server may run. In a folder, the file gets a name with the time. It is as secret as the server's own
    folder: it holds the authority's key and the admin's token.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard server backup /var/backups/envguard
    """
    with server_libraries():
        from envguard.server.saving.backup import back_up
    with Bar() as bar:
        document = back_up(file, state or default_server_state(), database, now=now(), report=bar.show)
    print_json(document) if as_json else _tell_backup(document)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
@server_state_option
@database_option
@click.option("--force", "is_forced", is_flag=True, help="Also where there is something: it is kept aside.")
@json_option
def restore(file: Path, state: Path | None, database: str | None, *, is_forced: bool, as_json: bool) -> None:
    """Make a server's state and database of a backup.

    Nothing is changed before the whole file was found undamaged. Stop the server first.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard server restore envguard-20261125T170000Z.backup --state STATE
    """
    with server_libraries():
        from envguard.server.saving.backup import restore
    folder = state or default_server_state()
    with Bar() as bar:
        document = restore(file, folder, database, is_forced=is_forced, now=now(), report=bar.show)
    print_json(document) if as_json else _tell_restored(document)


def _tell_backup(document: BackupDocument) -> None:
    size = f"{document.size_bytes / 1e6:.1f} MB"
    click.echo(f"kept      {document.file} (0600), {size}")
    click.echo(f"database  {_KINDS[document.kind]}, revision {document.revision}: {document.database}")
    click.echo(f"keys      {', '.join(document.parts[1:]) or 'none: there are none in the state folder'}")
    click.echo(f"try it    envguard server restore {document.file} --state NEW-FOLDER")


def _tell_restored(document: RestoreDocument) -> None:
    click.echo(f"restored  {document.database}, as of {document.made_at:%Y-%m-%d %H:%M:%S} UTC")
    if document.aside is not None:
        click.echo(f"aside     {document.aside}: what was there before; rm -r it when all is well")
    click.echo("next      start the server; revoke again what was revoked since then")
