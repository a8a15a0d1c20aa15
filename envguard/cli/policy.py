"""``envguard policy``: lint, show, push, list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from envguard.cli import completion
from envguard.cli.local import server_client
from envguard.cli.options import json_option
from envguard.cli.output import print_json
from envguard.domain.policy import LockedPolicy
from envguard.errors import PolicyError

if TYPE_CHECKING:
    from envguard.wire import GovernedEnvironment

_FILE = click.Path(path_type=Path)


@click.group(no_args_is_help=False)
def policy() -> None:
    """Write, test and share policies."""


@policy.command()
@click.argument("files", nargs=-1, required=True, type=_FILE)
@json_option
def lint(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Say everything that is wrong with policy files.

    Exit code: 0 no problems, 2 problems or wrong usage, 3 it could not be done.

    Example: envguard policy lint policies/rl-team.yaml
    """
    results = [_load(file) for file in files]
    loaded = [each for each in results if isinstance(each, LockedPolicy)]
    problems = [
        problem for each in results if isinstance(each, PolicyError) for problem in each.problems or (each,)
    ]
    if problems:
        raise PolicyError(f"{len(problems)} problems", problems=problems)
    if as_json:
        from envguard.report.outputs import lint_document

        print_json(lint_document(loaded))
        return
    for each in loaded:
        locked = f", {len(each.lock.packages)} locked packages" if each.lock is not None else ""
        click.echo(f"{each.policy.name}: {len(each.policy.rules.packages)} rules{locked}; no problems")


@policy.command()
@click.argument("name", shell_complete=completion.policies_and_files)
@json_option
def show(name: str, *, as_json: bool) -> None:
    """Print a policy file, or the server's newest revision.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard policy show rl-team
    """
    from envguard.formats import read_source
    from envguard.runs.policies import is_file_reference

    if is_file_reference(name):
        source, revision = read_source(Path(name)), None
    else:
        found = server_client().policy(name)
        source, revision = found.source, found.revision
    if as_json:
        from envguard.report.outputs import policy_document

        print_json(policy_document(source, revision))
    else:
        click.echo(f"# {source.filename}" + (f", revision {revision}" if revision is not None else ""))
        click.echo(source.text, nl=not source.text.endswith("\n"))


@policy.command("list")
@json_option
def list_policies(*, as_json: bool) -> None:
    """List the policies that the server holds.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard policy list
    """
    policies = server_client().policies()
    if as_json:
        from envguard.report.outputs import policies_document

        print_json(policies_document(policies))
        return
    for each in policies:
        click.echo(f"{each.name}  r{each.revision}  pushed {each.pushed_at:%Y-%m-%d %H:%M} UTC")
    if not policies:
        click.echo("no policy yet: envguard policy push FILE", err=True)


@policy.command()
@click.argument("file", type=_FILE)
@json_option
def push(file: Path, *, as_json: bool) -> None:
    """Make a policy file the team's next revision.

    Needs ENVGUARD_SERVER and ENVGUARD_TOKEN of a lead or admin.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard policy push policies/rl-team.yaml
    """
    from envguard.formats import parse_source, read_source

    source = read_source(file)
    parse_source(source)
    reply = server_client().push(source)
    if as_json:
        from envguard.report.outputs import push_document

        print_json(push_document(reply))
        return
    count = len(reply.governs)
    verb = "is now" if reply.is_new else "was already"
    plural = "environment" if count == 1 else "environments"
    click.echo(f"{reply.name} {verb} r{reply.revision}; it governs {count} {plural}")
    for governed in reply.governs[:10]:
        click.echo(f"  {_place_of(governed)}")
    if not count:
        _show_ways_to_bind(reply.name, list(map(_place_of, reply.holders)))


def _load(file: Path) -> LockedPolicy | PolicyError:
    from envguard.formats import load_policy

    try:
        return load_policy(file)
    except PolicyError as error:
        return error


def _place_of(governed: GovernedEnvironment) -> str:
    return f"{', '.join((governed.machine, *governed.also_on))}  {governed.path}"


def _show_ways_to_bind(name: str, holders: list[str]) -> None:
    if holders:
        click.echo("these environments hold its packages:")
        for line in holders[:10]:
            click.echo(f"  {line}")
    click.echo("to govern some, add one of these lines:")
    click.echo(f'  pyproject.toml of the project:   [tool.envguard] policy = "{name}"')
    click.echo("  the policy file:                 applies-to: [{environments: ['~/**/.venv']}]")
    click.echo(f"  on one machine:                  envguard use {name} PATH")
