"""``envguard policy``: new, import, lint, schema, show, diff, log, plan, pull, push, list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from envguard.cli import completion
from envguard.cli.local import server_client
from envguard.cli.options import json_option
from envguard.cli.output import now, print_json, tell
from envguard.cli.policy_history import diff, log
from envguard.cli.policy_import import import_lock
from envguard.cli.policy_new import new
from envguard.cli.policy_plan import plan
from envguard.cli.policy_pull import pull
from envguard.domain.policy import LockedPolicy
from envguard.errors import PolicyError
from envguard.formats import load_policy

if TYPE_CHECKING:
    from envguard.wire import GovernedEnvironment

_FILE = click.Path(path_type=Path)


@click.group(no_args_is_help=False)
def policy() -> None:
    """Write, test and share policies."""


@policy.command()
@click.argument("files", nargs=-1, required=True, type=_FILE)
@json_option
def lint(files: tuple[Path, ...], *, as_json: bool) -> int:
    """Say everything that is wrong with policy files.

    With each file are checked those that it extends, its lock, and whether all of them can hold together. A
    waiver that has ended is a warning, and no problem.

    Exit code: 0 no problems, 2 problems or wrong usage, 3 it could not be done.

    Example: envguard policy lint policies/rl-team.yaml
    """
    from envguard.formats.agreement import ended_waivers

    results = [_load(file) for file in files]
    warnings = [
        _as_given(each, file)
        for file, loaded in zip(files, results, strict=True)
        if isinstance(loaded, LockedPolicy)
        for each in ended_waivers(loaded.policy, now())
    ]
    loaded = [each for each in results if isinstance(each, LockedPolicy)]
    problems = [problem for each in results if not isinstance(each, LockedPolicy) for problem in each]
    if as_json:
        from envguard.report.outputs import lint_document

        print_json(lint_document(loaded, problems, warnings))
        return 2 if problems else 0
    for warning in warnings:
        tell(f"warning: {warning}")
    if problems:
        raise PolicyError(f"{len(problems)} problems", problems=problems)
    for each in loaded:
        locked = f", {len(each.lock.packages)} locked packages" if each.lock is not None else ""
        click.echo(f"{each.policy.name}: {len(each.policy.rules.packages)} rules{locked}; no problems")
    return 0


@policy.command()
def schema() -> None:
    """Print the JSON Schema of policy files, for editors.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard policy schema > policy.schema.json
    """
    import json

    from envguard.formats.policy_schema import policy_schema

    click.echo(json.dumps(policy_schema(), indent=2))


@policy.command()
@click.argument("name", shell_complete=completion.policies_and_files)
@click.option("--resolved", is_flag=True, help="With what it extends laid under it, and levels written out.")
@json_option
def show(name: str, *, resolved: bool, as_json: bool) -> None:
    """Print a policy: a file, or a revision of the server's.

    NAME is a policy file, a name (the server's newest revision), or a revision such as rl-team@r4. Where the
    server cannot be had, the revision that this machine holds is shown, and its age is said.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard policy show rl-team --resolved
    """
    from envguard.cli.policy_named import named_policy
    from envguard.formats.write import write_policy

    found = named_policy(name)
    written = write_policy(found.parsed().policy) if resolved else None
    if as_json:
        from envguard.report.outputs import policy_document

        print_json(policy_document(found.source, found.revision, written))
        return
    number = f", revision {found.revision}" if found.revision is not None else ""
    text = found.source.text if written is None else written
    click.echo(f"# {found.source.filename}{number}{', resolved' if resolved else ''}")
    click.echo(text, nl=not text.endswith("\n"))


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
    from envguard.formats import read_source

    reply = server_client().push(read_source(file))
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


policy.add_command(diff)
policy.add_command(log)
policy.add_command(plan)
policy.add_command(pull)
policy.add_command(import_lock)
policy.add_command(new)


def _load(file: Path) -> LockedPolicy | list[PolicyError]:
    try:
        return load_policy(file)
    except PolicyError as error:
        return [_as_given(each, file) for each in error.problems or (error,)]


def _as_given(error: PolicyError, file: Path) -> PolicyError:
    """The error at a place that leads to the file from here, as the command line named it."""
    where = error.where or file.name
    folder = "" if where.startswith(str(file)) else f"{file.parent}/".removeprefix("./")
    return PolicyError(error.what, where=folder + where, hint=error.hint)


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
