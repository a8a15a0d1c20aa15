"""``envguard server`` and ``envguard token``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from envguard.cli.local import default_server_state, server_client
from envguard.cli.options import json_option, shown_name
from envguard.cli.output import print_json
from envguard.cli.server_backup import backup, restore
from envguard.cli.server_check import check
from envguard.cli.server_libraries import server_libraries
from envguard.cli.server_migrate import migrate
from envguard.cli.server_prune import prune
from envguard.errors import UsageError

if TYPE_CHECKING:
    from envguard.log import Form
    from envguard.server.serve import Started

_FILE = click.Path(path_type=Path)


@click.group(invoke_without_command=True)
@click.option(
    "--listen", default="127.0.0.1:8750", show_default=True, metavar="HOST:PORT", help="Where to listen."
)
@click.option("--url", metavar="URL", help="The address that join strings carry.")
@click.option(
    "--tls/--no-tls", "is_tls", default=None, help="Speak TLS.  [default: unless --listen is loopback]"
)
@click.option(
    "--tls-certificate",
    type=_FILE,
    metavar="FILE",
    help="A certificate of yours, and those above it; by default the server makes its own.",
)
@click.option("--tls-key", type=_FILE, metavar="FILE", help="Its key; by default in the certificate's file.")
@click.option(
    "--tls-ca",
    type=_FILE,
    metavar="FILE",
    help="What machines pin, if they do not trust who signed yours.",
)
@click.option("--state", type=click.Path(path_type=Path), help="Folder of the database and the admin token.")
@click.option("--database", metavar="URL", help="An SQLAlchemy URL; default: SQLite in the state folder.")
@click.option("-v", "--verbose", count=True, help="Log what is done, each request in a line.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How lines of the log look.",
)
@json_option
@click.pass_context
def server(
    ctx: click.Context,
    listen: str,
    url: str | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_ca: Path | None,
    state: Path | None,
    database: str | None,
    log_format: Form,
    *,
    is_tls: bool | None,
    verbose: int,
    as_json: bool,
) -> None:
    """Run the central server, or look after its database.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard server --listen 0.0.0.0:8750 --url https://envguard.example:8750
    """
    if ctx.invoked_subcommand is not None:
        _refuse_options_before(ctx, ctx.invoked_subcommand)
        return
    from envguard import log

    with server_libraries():
        from envguard.server.serve import run_server
        from envguard.server.tls.choosing import TlsOptions
    log.configure(verbose=verbose, form=log_format, libraries=("uvicorn.error",))
    run_server(
        listen=listen,
        url=url,
        state=state or default_server_state(),
        database=database,
        tls=TlsOptions(is_wanted=is_tls, certificate=tls_certificate, key=tls_key, authority=tls_ca),
        announce=_announce_json if as_json else _announce,
    )


for _command in (check, migrate, backup, restore, prune):
    server.add_command(_command)


def _refuse_options_before(ctx: click.Context, command: str) -> None:
    """Say that options stand behind the command: before it they are the running server's."""
    for param in ctx.command.params:
        if ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE:
            raise UsageError(
                f"it is an option of the server that runs, not of `{command}`",
                where=shown_name(param),
                hint=f"options of `{command}` stand behind it: try `envguard server {command} --help`",
            )


def _announce(started: Started) -> None:
    click.echo(f"listening   {started.url}")
    if started.authority_file is not None:
        click.echo(f"authority   {started.authority_file} ({_fingerprint(started)})")
    click.echo(f"admin token {started.admin_token_file} (0600)")
    click.echo(f"join        envguard join {started.join}")
    click.echo("next        paste that line on each machine, then start `envguard agent` there")


def _announce_json(started: Started) -> None:
    import msgspec

    from envguard.report.outputs import ServerDocument

    document = ServerDocument(
        url=started.url,
        join=started.join,
        admin_token_file=str(started.admin_token_file),
        tls=started.tls,
        ca_fingerprint=_fingerprint(started),
        ca_file=None if started.authority_file is None else str(started.authority_file.absolute()),
    )
    click.echo(msgspec.json.encode(document).decode())


def _fingerprint(started: Started) -> str | None:
    from envguard.wire.certificates import fingerprint_of

    return None if started.authority is None else fingerprint_of(started.authority)


@click.group(no_args_is_help=False)
def token() -> None:
    """Make join strings."""


@token.command()
@click.option(
    "--expires", default=7 * 24 * 3600, show_default=True, metavar="SECONDS", type=int, help="How long."
)
@click.option("--uses", default=1000, show_default=True, type=int, help="How many machines it lets in.")
@json_option
def new(expires: int, uses: int, *, as_json: bool) -> None:
    """Print a fresh join string; needs the admin's token.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard token new --uses 1
    """
    join = server_client().new_token(expires_s=expires, uses=uses)
    if as_json:
        from envguard.report.outputs import TokenDocument

        print_json(TokenDocument(join=join))
    else:
        click.echo(join)
