"""``envguard scan``."""

from __future__ import annotations

from pathlib import Path

import click

from envguard.cli.options import json_option, verbose_option
from envguard.cli.output import console, default_machine_name, here, print_json
from envguard.cli.progress import Progress


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--roots", multiple=True, type=click.Path(path_type=Path), help="Look below these folders only."
)
@click.option(
    "--integrity", "wants_integrity", is_flag=True, help="Hash all installed files: did any change?"
)
@json_option
@verbose_option
def scan(
    paths: tuple[Path, ...],
    roots: tuple[Path, ...],
    *,
    wants_integrity: bool,
    as_json: bool,
    verbose: int,
) -> None:
    """List every Python environment and what is installed in it.

    With PATHs, just these environments. Nothing is executed: files are read.

    Example: envguard scan .venv --json
    """
    from envguard.cli.local import roots_to_look_below
    from envguard.inventory import scan_machine, scan_paths

    if paths:
        found = scan_paths(list(paths))
    else:
        with Progress() as progress:
            found = scan_machine(list(roots) or roots_to_look_below(), progress=progress.step)
    if wants_integrity:
        from envguard.cli.integrity import with_integrity

        found = with_integrity(found)
    if as_json:
        from envguard.report.scanned import scan_document

        print_json(scan_document(found, default_machine_name()))
    else:
        from envguard.report.terminal import show_scan

        show_scan(console(), found, here=here(), is_verbose=verbose > 0)
        if wants_integrity:
            from envguard.report.integrity import show_integrity

            show_integrity(console(), found, here=here(), is_verbose=verbose > 0)
