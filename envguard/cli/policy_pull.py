"""``envguard policy pull``: the server's policies, into this user's cache."""

from __future__ import annotations

import click

from envguard.cli import completion
from envguard.cli.local import server_client
from envguard.cli.options import json_option
from envguard.cli.output import now, print_json, tell
from envguard.errors import UsageError


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completion.policies)
@json_option
def pull(names: tuple[str, ...], *, as_json: bool) -> None:
    """Take the server's policies into this user's cache.

    Then `envguard check --policy NAME` works here without an agent, and says how old the policy is. With NAME
    only this one is taken; without, the cache becomes what the server has.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard policy pull rl-team
    """
    from envguard.formats import is_policy_name
    from envguard.report.pulled import pull_document, pull_lines
    from envguard.runs.pulling import pull as pull_policies
    from envguard.state import pulled_folder

    for name in names:
        if not is_policy_name(name):
            raise UsageError(f"not a policy's name: `{name}`", where="NAME", hint="envguard policy list")
    folder = pulled_folder()
    pulled = pull_policies(server_client().policies, folder, names, now=now())
    for each in pulled:
        if each.unusable is not None:
            tell(f"warning: `{each.name}` r{each.revision} cannot be read by this envguard: {each.unusable}")
    if as_json:
        print_json(pull_document(str(folder), pulled))
        return
    for line in pull_lines(pulled):
        click.echo(line)
    if not pulled:
        tell("no policy yet: envguard policy push FILE")
