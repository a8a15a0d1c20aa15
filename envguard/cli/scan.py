"""``envguard scan``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from envguard.cli.output import console, default_machine_name, here, json_option, print_json, verbose_option


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--roots", multiple=True, type=click.Path(path_type=Path), help="Look below these folders only."
)
@json_option
@verbose_option
def scan(paths: tuple[Path, ...], roots: tuple[Path, ...], *, as_json: bool, verbose: int) -> None:
    """List every Python environment and what is installed in it.

    With PATHs, just these environments. Nothing is executed: files are read.

    Example: envguard scan .venv --json
    """
    from envguard.inventory import scan_machine, scan_paths

    if paths:
        found = scan_paths(list(paths))
    else:
        with _Progress() as progress:
            found = scan_machine(list(roots) or None, progress=progress.step)
    if as_json:
        from envguard.report.scanned import scan_document

        print_json(scan_document(found, default_machine_name()))
    else:
        from envguard.report.terminal import show_scan

        show_scan(console(), found, here=here(), is_verbose=verbose > 0)


class _Progress:
    """A spinner on a terminal's standard error; silent elsewhere."""

    def __enter__(self) -> _Progress:
        from rich.console import Console

        self._status = Console(stderr=True).status("looking for environments") if _is_terminal() else None
        if self._status is not None:
            self._status.start()
        return self

    def step(self, folder: Path) -> None:
        """Show where the scan is."""
        if self._status is not None:
            from rich.text import Text

            self._status.update(Text(f"looking in {str(folder)[-60:]!r}"))

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()


def _is_terminal() -> bool:
    """Whether escape sequences are welcome on standard error."""
    return sys.stderr.isatty() and not os.environ.get("NO_COLOR")
