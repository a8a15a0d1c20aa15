"""``envguard diff``: in what two environments, locks or machines differ."""

from __future__ import annotations

import os
from pathlib import Path

import click

from envguard.cli import completion
from envguard.cli.options import filled, json_option, verbose_option
from envguard.cli.output import console, here, print_json, tell
from envguard.domain.comparison import Comparison, Incomparable, MachineSide, compare_sides
from envguard.errors import InventoryError


@click.command()
@click.argument("a", callback=filled, shell_complete=completion.files)
@click.argument("b", callback=filled, shell_complete=completion.files)
@json_option
@verbose_option
def diff(a: str, b: str, *, as_json: bool, verbose: int) -> int:
    """Say in what two environments, locks or machines differ.

    A and B are each an environment (as for `check`), a lock, a saved `envguard scan --json`, a snapshot,
    or a run's folder, which is its environment as it was then. `-` is a saved scan on standard input. Of a
    scan with several environments, FILE:ENV is one of them.
    Two whole scans are compared as machines. With a lock, only names and versions are compared.

    Packages come first, then the interpreter, then the machine. What is equal is not listed.

    Exit code: 0 equal, 1 different, 2 wrong usage, 3 one could not be read.

    Example: envguard diff .venv ws-7.json:/home/ann/rl/.venv
    """
    from envguard.cli.sides import read_sides

    found = compare_sides(*read_sides(a, b, environ=os.environ, cwd=Path.cwd()))
    if isinstance(found, Incomparable):
        raise InventoryError(found.reason, where=f"{a} and {b}")
    if as_json:
        from envguard.report.compared import diff_document

        print_json(diff_document(found))
    else:
        from envguard.report.differences import show_comparison

        show_comparison(console(), found, here=here(), is_verbose=verbose > 0)
    _warn(found)
    return 0 if found.is_equal else 1


def _warn(comparison: Comparison) -> None:
    for side in (comparison.a, comparison.b):
        if isinstance(side, MachineSide) and side.scan.is_incomplete:
            tell(f"warning: {side.given} is incomplete: there may be more environments")
