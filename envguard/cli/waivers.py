"""``envguard waivers``: list permissions to differ, and decide about them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from envguard.cli import completion
from envguard.cli.local import server_client
from envguard.cli.options import filled, json_option
from envguard.cli.output import console, now, print_json

if TYPE_CHECKING:
    from envguard.wire import Waivers

_Decorated = TypeVar("_Decorated", bound=Callable[..., object])


@click.group(invoke_without_command=True)
@click.option(
    "--policy",
    metavar="P",
    callback=filled,
    shell_complete=completion.policies_and_files,
    help="Only those of this policy; of a policy file, without a server.",
)
@click.option("--all", "is_all", is_flag=True, help="Also those that are refused, ended or expired.")
@json_option
@click.pass_context
def waivers(ctx: click.Context, policy: str | None, *, is_all: bool, as_json: bool) -> None:
    """List who may differ until when, and what waits.

    Each with who asked, who approved, and which findings it covers now. One that covers none is not needed.
    On a joined machine: what concerns this machine.

    Example: envguard waivers --policy rl-team
    """
    if ctx.invoked_subcommand is not None:
        return
    from envguard.report.waivers import show_waivers
    from envguard.runs.policies import is_file_reference

    is_file = policy is not None and is_file_reference(policy)
    found = (
        _of_file(Path(policy), is_all=is_all)
        if policy is not None and is_file
        else server_client().waivers(policy, is_all=is_all)
    )
    if as_json:
        print_json(found)
    else:
        show_waivers(console(), found, is_judged=not is_file)


def _decision(function: _Decorated) -> _Decorated:
    """Give a command what all decisions take."""
    number = click.argument("number", metavar="ID", type=click.IntRange(min=1, max=999_999_999))
    reason = click.option("--reason", metavar="TEXT", callback=filled, help="Why; who asked reads it.")
    return number(reason(json_option(function)))


@waivers.command()
@_decision
def approve(number: int, reason: str | None, *, as_json: bool) -> None:
    """Grant a waiver that was asked for.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard waivers approve 17
    """
    _decide(number, "approve", reason, as_json=as_json)


@waivers.command()
@_decision
def refuse(number: int, reason: str | None, *, as_json: bool) -> None:
    """Refuse a waiver that was asked for.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard waivers refuse 17 --reason "numpy 2 breaks gym 0.26"
    """
    _decide(number, "refuse", reason, as_json=as_json)


@waivers.command()
@_decision
def end(number: int, reason: str | None, *, as_json: bool) -> None:
    """End a waiver before its time.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard waivers end 17
    """
    _decide(number, "end", reason, as_json=as_json)


def _decide(number: int, decision: str, reason: str | None, *, as_json: bool) -> None:
    from envguard.report.waivers import waiver_line
    from envguard.wire import WaiverReply

    entry = server_client().decide_waiver(number, decision, reason)
    if as_json:
        print_json(WaiverReply(entry))
    else:
        click.echo(waiver_line(entry))


def _of_file(path: Path, *, is_all: bool) -> Waivers:
    from envguard.formats import load_policy
    from envguard.wire import Waivers, entry_of_file

    policy = load_policy(path).policy
    entries = [entry_of_file(policy.name, each, now()) for each in policy.waivers]
    return Waivers(tuple(each for each in entries if is_all or each.state == "granted"))
