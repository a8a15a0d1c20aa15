"""``envguard machines``: which there are, which wait, and which go."""

from __future__ import annotations

import click

from envguard.cli.local import server_client
from envguard.cli.options import filled, json_option
from envguard.cli.output import console, print_json


@click.group(no_args_is_help=False)
def machines() -> None:
    """List machines, let them in, take them out."""


@machines.command(name="list")
@click.option("--all", "is_all", is_flag=True, help="Also those that are retired.")
@json_option
def list_(*, is_all: bool, as_json: bool) -> None:
    """List the machines: those that wait first.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard machines list --all
    """
    from envguard.report.admitted import show_machines
    from envguard.wire import Machines

    every = server_client().machines().machines
    found = Machines(tuple(each for each in every if is_all or each.state != "retired"))
    if as_json:
        print_json(found)
    else:
        show_machines(console(), found)


@machines.command()
@click.argument("name", callback=filled)
@json_option
def approve(name: str, *, as_json: bool) -> None:
    """Let a machine in that waits.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard machines approve ws-7
    """
    done = server_client().approve_machine(name)
    if as_json:
        print_json(done)
    else:
        click.echo(f"joined: {done.name}; its agent hears of it within a minute")


@machines.command()
@click.argument("name", callback=filled)
@click.option(
    "--lost",
    "is_lost",
    is_flag=True,
    help="Somebody else may have it: end the tokens used there too, and the join string it came by.",
)
@json_option
def retire(name: str, *, is_lost: bool, as_json: bool) -> None:
    """Take a machine out of the team; what it told stays.

    Its secret lets nobody in from the next request on. It may join again by a new join string.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard machines retire ws-7 --lost
    """
    from envguard.report.admitted import retired_lines
    from envguard.wire import RetireRequest

    done = server_client().retire_machine(name, RetireRequest(is_lost=is_lost))
    if as_json:
        print_json(done)
    else:
        click.echo("\n".join(retired_lines(done, is_lost=is_lost)))
