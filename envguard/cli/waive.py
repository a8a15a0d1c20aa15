"""``envguard waive``: a permission to differ, granted by a lead or asked for by others."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

import click

from envguard.cli import completion
from envguard.cli.judged import choose, judge_at
from envguard.cli.local import existing_state, server_client, this_machine
from envguard.cli.options import env_option, filled, json_option
from envguard.cli.output import now, print_json, tell
from envguard.domain.findings.finding import FindingKind
from envguard.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from envguard.client import ServerClient
    from envguard.wire import WaiverEntry

_EVERYWHERE = "*"


@click.command()
@click.argument("package", callback=filled)
@click.option(
    "--until", "end", required=True, metavar="TIME", help="Its end: fri, 7d, 2w, a day, or an RFC 3339 time."
)
@click.option("--reason", required=True, metavar="TEXT", callback=filled, help="Why.")
@env_option("Only this one; for other machines a pattern as in applies-to.  [default: all under the policy]")
@click.option(
    "--machine",
    metavar="NAME",
    callback=filled,
    help="The machine that may differ; `*`: all.  [default: this one]",
)
@click.option(
    "--kind", metavar="FINDING", type=click.Choice(get_args(FindingKind)), help="Only this kind of finding."
)
@click.option(
    "--policy",
    metavar="NAME",
    callback=filled,
    shell_complete=completion.policies,
    help="The policy to differ from.  [default: the environment's]",
)
@json_option
def waive(
    package: str,
    end: str,
    reason: str,
    env: str | None,
    machine: str | None,
    kind: str | None,
    policy: str | None,
    *,
    as_json: bool,
) -> None:
    """Permit a package to differ, or ask a lead for it.

    A lead's or admin's word counts at once; what a machine asks for waits for one. It ends by itself, and
    what it covers stays visible until then.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard waive numpy --until fri --reason "the paper's last run"
    """
    from envguard.wire import WaiverReply, WaiverRequest

    until = _end(end)
    client = server_client()
    where = _machine(machine)
    request = WaiverRequest(
        policy=policy or _policy(client, env, where),
        package=package,
        until=until,
        reason=reason,
        machine=where,
        environment=_environment(env, where),
        kind=cast("FindingKind | None", kind),
    )
    entry = client.waive(request)
    if as_json:
        print_json(WaiverReply(entry))
    else:
        _say(entry)


def _end(text: str) -> datetime:
    from envguard.domain.waiver import wrong_end
    from envguard.formats.until import parse_until

    until = parse_until(text, now().astimezone())
    why = wrong_end(until, now())
    if why is not None:
        raise UsageError(
            f"{why}: {until:%Y-%m-%d %H:%M} UTC", where="--until", hint="--until fri, --until 2w"
        )
    return until


def _machine(named: str | None) -> str | None:
    """Answer the machine's name; None for all."""
    if named is not None:
        return None if named == _EVERYWHERE else named
    state = existing_state()
    if state is None or state.identity() is None:
        raise UsageError(
            "for which machine? this one has joined no server",
            where="--machine",
            hint="--machine NAME, or --machine '*' for all",
        )
    return this_machine().name


def _is_here(machine: str | None) -> bool:
    state = existing_state()
    return state is not None and state.identity() is not None and machine == this_machine().name


def _environment(env: str | None, machine: str | None) -> str | None:
    """Answer the pattern of the environments that may differ; None for all that the policy judges."""
    from envguard.formats.selectors import ENVIRONMENT_HINT, is_environment_pattern

    if env is None:
        return None
    if _is_here(machine) and "*" not in env:
        from envguard.domain.binding import pattern_of_path
        from envguard.inventory import read_environment

        return pattern_of_path(read_environment(choose(env).path).record.path)
    if not is_environment_pattern(env):
        raise UsageError(f"names no environment: {env}", where="--env", hint=ENVIRONMENT_HINT)
    return env


def _policy(client: ServerClient, env: str | None, machine: str | None) -> str:
    """Answer the policy that judges the environment here; for other machines the server's only one."""
    if _is_here(machine) and (env is None or "*" not in env):
        judged = judge_at(choose(env).path, None)
        if judged.governing.revision is not None:
            return judged.governing.policy.name
        raise UsageError(
            f"its policy is none of the server's ({judged.source}): its own file can waive",
            where=judged.environment.record.path,
            hint="write `waivers` into that file, or name a policy of the server: --policy NAME",
        )
    names = [each.name for each in client.policies()]
    if len(names) == 1:
        return names[0]
    hint = " or ".join(f"--policy {name}" for name in names) or "envguard policy push FILE"
    raise UsageError(f"which policy? the server has {len(names)}", where="--policy", hint=hint)


def _say(entry: WaiverEntry) -> None:
    from envguard.report.waivers import waiver_line

    click.echo(waiver_line(entry))
    if entry.state == "asked":
        click.echo(f"a lead decides: envguard waivers approve {entry.id}")
    elif entry.state == "granted":
        click.echo("machines hear of it when they next check in")
    if not entry.acquits:
        tell(f"note: as far as the server knows, nothing about `{entry.package}` differs there now")
