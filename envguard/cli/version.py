"""``envguard version``."""

from __future__ import annotations

import platform

import click

from envguard import __version__
from envguard.cli.options import json_option
from envguard.cli.output import print_json


@click.command()
@json_option
def version(*, as_json: bool) -> None:
    """Say which envguard this is, and on which Python it runs.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard version --json
    """
    if as_json:
        from envguard.report.outputs import VersionDocument

        print_json(VersionDocument(version=__version__, python=platform.python_version()))
    else:
        click.echo(f"envguard {__version__} (Python {platform.python_version()})")
