"""``envguard server prune``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envguard.cli.local import default_server_state
from envguard.cli.options import database_option, json_option, server_state_option, shown_name
from envguard.cli.output import now, print_json
from envguard.cli.progress import Bar
from envguard.cli.server_libraries import server_libraries
from envguard.errors import UsageError

if TYPE_CHECKING:
    from envguard.report.upkeep import PruneDocument

_SPAN = re.compile(r"(?P<count>[1-9][0-9]{0,4})(?P<unit>[dw])", re.ASCII)
_UNITS_S = {"d": 24 * 3600.0, "w": 7 * 24 * 3600.0}


def _span_s(_ctx: click.Context, param: click.Parameter, value: str) -> float:
    found = _SPAN.fullmatch(value)
    if found is None:
        raise UsageError(
            f"not a span of days or weeks: {value}", where=shown_name(param), hint="such as 400d or 52w"
        )
    return int(found["count"]) * _UNITS_S[found["unit"]]


@click.command()
@click.option(
    "--older-than",
    "older_s",
    default="400d",
    show_default=True,
    metavar="SPAN",
    callback=_span_s,
    help="Which runs go; a number with `d` or `w`.",
)
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Only say what would go.")
@server_state_option
@database_option
@json_option
def prune(
    older_s: float, state: Path | None, database: str | None, *, is_dry_run: bool, as_json: bool
) -> None:
    """Remove what is superseded from a server's database.

    Old runs, contents that no environment has and no run was in, and what can be compared again. Policies,
    waivers and machines stay. The server may run.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard server prune --older-than 52w --dry-run
    """
    with server_libraries():
        from envguard.server import pruning
    folder = state or default_server_state()
    if is_dry_run:
        document = pruning.plan_pruning(folder, database, older_s=older_s, now=now())
    else:
        with Bar() as bar:
            document = pruning.prune(folder, database, older_s=older_s, now=now(), report=bar.show)
    print_json(document) if as_json else _tell(document)


def _tell(document: PruneDocument) -> None:
    verb = "would go" if document.is_dry_run else "gone"
    for each in document.kinds:
        click.echo(f"{verb:9} {each.rows:>9,} {each.kind:12} {each.size_bytes / 1e6:>9.1f} MB  {each.why}")
    if document.is_dry_run:
        click.echo("nothing was done")
