"""``envguard policy diff`` and ``policy log``: how a policy became what it is."""

from __future__ import annotations

import click

from envguard.cli import completion
from envguard.cli.local import server_client
from envguard.cli.options import json_option
from envguard.cli.output import print_json


@click.command()
@click.argument("a", shell_complete=completion.policies_and_files)
@click.argument("b", shell_complete=completion.policies_and_files)
@json_option
def diff(a: str, b: str, *, as_json: bool) -> int:
    """Say what changes from one policy to another.

    A and B are each a policy file, a name (the server's newest revision), or a revision such as rl-team@r4.
    What a policy extends is laid under it first, and the locks are compared too.

    Exit code: 0 equal, 1 different, 2 wrong usage, 3 it could not be done.

    Example: envguard policy diff rl-team policies/rl-team.yaml
    """
    from envguard.cli.policy_named import named_policy
    from envguard.domain.policy_difference import policy_difference
    from envguard.report.policy_changes import policy_diff_document, policy_diff_lines

    before, after = named_policy(a), named_policy(b)
    difference = policy_difference(before.parsed(), after.parsed())
    if as_json:
        print_json(policy_diff_document(before.given, after.given, difference))
    else:
        click.echo("\n".join(policy_diff_lines(before.given, after.given, difference)))
    return 0 if difference.is_empty else 1


@click.command()
@click.argument("name", shell_complete=completion.policies_and_files)
@json_option
def log(name: str, *, as_json: bool) -> None:
    """List all revisions of a policy, the newest first.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard policy log rl-team
    """
    revisions = server_client().revisions(name)
    if as_json:
        from envguard.report.outputs import log_document

        print_json(log_document(name, revisions))
        return
    from envguard.report.printable import one_line

    for each in revisions:
        lock = f"lock {each.lock_revision}" if each.lock_revision is not None else "no lock"
        by = f" by {one_line(each.pushed_by)}" if each.pushed_by is not None else ""
        pushed = f"pushed {each.pushed_at:%Y-%m-%d %H:%M} UTC{by}"
        click.echo(f"r{each.revision}  {pushed}  {lock}  {each.digest[:19]}")
