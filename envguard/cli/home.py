"""``envguard`` alone: how things stand here, and three commands to try. Works offline, exits 0."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envguard.cli.judged import judge_at
from envguard.cli.output import here
from envguard.domain.ages import age_text
from envguard.errors import EnvguardError
from envguard.report.printable import printable

if TYPE_CHECKING:
    from envguard.agent import Status


def show_home() -> None:
    """Print this environment's verdict and three commands to try."""
    click.echo(_standing())
    click.echo()
    click.echo("envguard check     judge this environment")
    click.echo("envguard scan      list every environment of this machine")
    click.echo("envguard --help    everything else")


def status_lines(status: Status, at: datetime) -> Iterator[str]:
    """Yield what ``envguard status`` prints; ``at`` is when, aware."""
    yield f"machine   {status.machine or 'not joined: envguard join STRING'}"
    if status.server is not None:
        yield f"server    {status.server}"
    if status.told_in is not None:
        yield f"agent     another user's, which tells its policies in {printable(status.told_in)}"
    else:
        yield f"agent     {'running' if status.is_agent_running else 'not running: envguard agent'}"
    if status.contacted_at is not None:
        yield f"contact   {status.contacted_at:%Y-%m-%d %H:%M:%S} UTC"
    if status.error is not None:
        yield f"trouble   {status.error}"
    for policy in status.policies:
        how = "pulled" if policy.is_pulled else "received"
        yield f"policy    {policy.name} r{policy.revision}, {how} {age_text(policy.received_at, at)}"
    for verdict in status.environments:
        name = f" ({verdict.policy.name})" if verdict.policy is not None else ""
        yield f"{verdict.verdict:<9} {printable(here().shown(verdict.environment))}{name}"


def _standing() -> str:
    from envguard.inventory import choose_environment
    from envguard.report.brief import verdict_line

    try:
        choice = choose_environment(None, environ=os.environ, cwd=Path.cwd())
        judged = judge_at(choice.path, None)
    except EnvguardError as error:
        return f"{error}" + (f"\nhint: {error.hint}" if error.hint else "")
    path = here().shown(judged.environment.record.path)
    line = verdict_line(judged.verdict, is_own_lock=judged.is_own_lock)
    return f"{line}\n{printable(f'{path} ({choice.reason}); {judged.source}')}"
