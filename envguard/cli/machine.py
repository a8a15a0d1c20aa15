"""``envguard join``, ``agent`` and ``status``: this machine."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from envguard.cli.local import kept_policies, local_state, state_to_read, team_told
from envguard.cli.options import filled, json_option, roots_option
from envguard.cli.output import default_machine_name, now, print_json


@click.command()
@click.argument("join_string", metavar="STRING", callback=filled)
@click.option("--name", callback=filled, help="The machine's display name.  [default: the host name]")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Say more about it; repeatable.")
@roots_option
def join(join_string: str, name: str | None, labels: tuple[str, ...], roots: tuple[Path, ...]) -> None:
    """Join this machine to a team's server.

    STRING is what `envguard server` or `envguard token new` printed; `-` reads it from standard input, so
    that it is in no list of processes.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard join - --name ws-7 --label gpu=a100
    """
    from envguard.agent import join as join_server

    text = sys.stdin.readline() if join_string == "-" else join_string
    pairs = dict(label.partition("=")[::2] for label in labels)
    joined = join_server(
        text,
        state=local_state(),
        name=name or default_machine_name(),
        labels=pairs,
        roots=[root.absolute() for root in roots],
    )
    name, url = joined.identity.name, joined.identity.url
    if joined.is_pending:
        click.echo(f"{name} waits to be let in by {url}")
        click.echo(f"an admin lets it in: envguard machines approve {shlex.quote(name)}")
        click.echo("its agent may be started already: envguard agent")
        return
    click.echo(f"{name} joined {url}")
    click.echo("next: envguard agent --once, or systemctl --user enable --now envguard-agent")


@click.command()
@click.option("--once", is_flag=True, help="One round, then exit.")
@click.option("--dry-run", is_flag=True, help="Print exactly what would be sent of environments.")
@click.option("-v", "--verbose", count=True, help="Log what is done.")
def agent(*, once: bool, dry_run: bool, verbose: int) -> None:
    """Watch this machine's environments and report to the server.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard agent --once
    """
    from envguard import log
    from envguard.agent import dry_run as what_would_be_sent
    from envguard.agent import run_forever, run_once

    log.configure(verbose=verbose)
    state = local_state()
    if dry_run:
        print_json(what_would_be_sent(state))
    elif once:
        run_once(state)
    else:
        run_forever(state)


@click.command()
@json_option
def status(*, as_json: bool) -> None:
    """Say how this machine, its agent and its policies are.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard status
    """
    from envguard.agent import read_status

    _, pulled = kept_policies()
    found = read_status(state_to_read(), now=now(), pulled=pulled, told=team_told())
    if as_json:
        print_json(found)
        return
    from envguard.cli.home import status_lines

    for line in status_lines(found, now()):
        click.echo(line)
