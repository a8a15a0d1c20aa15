"""``envguard policy plan``: what a push would do, before anything is pushed."""

from __future__ import annotations

from pathlib import Path

import click

from envguard.cli.local import server_client
from envguard.cli.options import json_option
from envguard.cli.output import print_json
from envguard.cli.progress import Waiting


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def plan(file: Path, *, as_json: bool) -> int:
    """Say what pushing a policy file would do.

    Every environment of the team whose verdict would change is named, with what it would drift from, and what
    changes in the policy itself is told. Nothing is pushed. Needs a person's token.

    Exit code: 0 nothing would get worse, 1 some environment would drift, 2 wrong usage, 3 not all is known.

    Example: envguard policy plan policies/rl-team.yaml
    """
    from envguard.formats import read_source
    from envguard.report.planned import plan_document, plan_exit_code, plan_lines

    source = read_source(file)
    with Waiting("the server judges the team by it"):
        reply = server_client().plan(source)
    if as_json:
        print_json(plan_document(str(file), reply))
    else:
        click.echo("\n".join(plan_lines(str(file), reply)))
    return plan_exit_code(reply)
