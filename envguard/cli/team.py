"""``envguard team``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from envguard.cli import completion
from envguard.cli.local import held_policies, server_client
from envguard.cli.options import filled, folders, json_option, verbose_option
from envguard.cli.output import EXIT_CODES, console, now, print_json


@click.command()
@click.option(
    "--policy",
    metavar="NAME",
    callback=filled,
    shell_complete=completion.policies_and_files,
    help="Only the environments that this policy governs.",
)
@click.option(
    "--from",
    "scans",
    metavar="DIR",
    multiple=True,
    callback=folders,
    shell_complete=completion.folders,
    help="Read saved `scan --json` files instead of a server; repeatable.",
)
@json_option
@verbose_option
def team(policy: str | None, scans: tuple[Path, ...], *, as_json: bool, verbose: int) -> int:
    """Print the team's drift report, a row for each cause.

    The line `today` counts runs since midnight in this machine's time zone.

    With --from, machines are those whose `envguard scan --json` lies in DIR; --policy is then a policy's
    name, a policy file, or a lock, and without it the report says where the machines differ.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done or not with every file.

    Example: envguard team --policy rl-team
    """
    if scans:
        return _of_scans(scans, policy, as_json=as_json, verbose=verbose)
    report = server_client().team(policy, since=_midnight(now()))
    if as_json:
        print_json(report)
        return 0
    from envguard.report.terminal import show_team

    show_team(console(), report, policy, is_verbose=verbose > 0)
    return 0


def _of_scans(scans: tuple[Path, ...], policy: str | None, *, as_json: bool, verbose: int) -> int:
    from envguard.cli.saved_scans import scans_in
    from envguard.report.saved_team import saved_team
    from envguard.report.terminal import show_saved_team
    from envguard.runs.policies import policy_named

    governing = policy_named(policy, known=held_policies(), cwd=Path.cwd()) if policy is not None else None
    found = scans_in(scans)
    report = saved_team(found.scans, governing, now=now(), unreadable=found.unreadable)
    if as_json:
        print_json(report)
    else:
        name = governing.policy.name if governing is not None else None
        show_saved_team(console(), report, name, is_verbose=verbose > 0)
    return EXIT_CODES["unknown"] if found.unreadable else 0


def _midnight(at: datetime) -> datetime:
    """When the day began, here: without its zone a time is a local one, by the rules of that day."""
    return at.astimezone().replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None).astimezone()
