"""``envguard team``."""

from __future__ import annotations

from datetime import datetime

import click

from envguard.cli import completion
from envguard.cli.local import server_client
from envguard.cli.options import filled, json_option, verbose_option
from envguard.cli.output import console, now, print_json


@click.command()
@click.option(
    "--policy",
    metavar="NAME",
    callback=filled,
    shell_complete=completion.policies,
    help="Only the environments that this policy governs.",
)
@json_option
@verbose_option
def team(policy: str | None, *, as_json: bool, verbose: int) -> None:
    """Print the team's drift report, a row for each cause.

    The line `today` counts runs since midnight in this machine's time zone.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard team --policy rl-team
    """
    since = _midnight(now())
    report = server_client().team(policy, since=since)
    if as_json:
        print_json(report)
        return
    from envguard.report.terminal import show_team

    show_team(console(), report, policy, is_verbose=verbose > 0)


def _midnight(at: datetime) -> datetime:
    """When the day began, here: without its zone a time is a local one, by the rules of that day."""
    return at.astimezone().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None).astimezone()
