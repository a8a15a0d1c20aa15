"""``envguard scan``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from envguard.cli import completion
from envguard.cli.options import filled, json_option, roots_option, seconds, verbose_option
from envguard.cli.output import console, default_machine_name, here, now, print_json
from envguard.cli.progress import Progress
from envguard.domain.nearest import nearest
from envguard.errors import UsageError

if TYPE_CHECKING:
    from envguard.domain.environment import EnvironmentKind, Scan


@click.command()
@click.argument("paths", nargs=-1, callback=filled, shell_complete=completion.files)
@roots_option
@click.option(
    "--kinds",
    metavar="KIND[,KIND]",
    shell_complete=completion.kinds,
    help="Only these, such as conda,pipx.  [default: all]",
)
@click.option(
    "--time-limit",
    "time_limit_s",
    metavar="SECONDS",
    callback=seconds,
    help="Look no longer than this.  [default: 20]",
)
@click.option("--all-file-systems", is_flag=True, help="Look also on what is mounted below.")
@click.option(
    "--integrity", "wants_integrity", is_flag=True, help="Hash all installed files: did any change?"
)
@json_option
@verbose_option
def scan(
    paths: tuple[str, ...],
    roots: tuple[Path, ...],
    kinds: str | None,
    time_limit_s: float | None,
    *,
    all_file_systems: bool,
    wants_integrity: bool,
    as_json: bool,
    verbose: int,
) -> None:
    """List every Python environment and what is installed in it.

    With PATHs, just these environments. Nothing is executed: files are read.

    Exit code: 0 done, 2 wrong usage, 3 a PATH could not be read.

    Example: envguard scan .venv --json
    """
    if paths:
        if roots or kinds or all_file_systems or (time_limit_s and not wants_integrity):
            raise UsageError(
                "PATHs are read as they are: no --roots, --kinds, --all-file-systems, and no --time-limit "
                "without --integrity"
            )
        found = _scan_paths(paths)
    else:
        found = _search(roots, kinds, time_limit_s, all_file_systems=all_file_systems)
    if wants_integrity:
        from envguard.cli.integrity import with_integrity

        found = with_integrity(found, within_s=time_limit_s)
    if as_json:
        from envguard.report.scanned import scan_document

        print_json(scan_document(found, default_machine_name(), now()))
    else:
        from envguard.report.terminal import show_scan

        show_scan(console(), found, here=here(), is_verbose=verbose > 0)
        if wants_integrity:
            from envguard.report.integrity import show_integrity

            show_integrity(console(), found, here=here(), is_verbose=verbose > 0)


def _scan_paths(paths: tuple[str, ...]) -> Scan:
    from envguard.inventory import choose_environment, scan_paths

    def named(path: str) -> Path:
        if not path.startswith(("conda:", "kernel:")):
            return Path(path)
        return choose_environment(path, environ=os.environ, cwd=Path.cwd()).path

    return scan_paths(list(map(named, paths)))


def _search(
    roots: tuple[Path, ...], kinds: str | None, time_limit_s: float | None, *, all_file_systems: bool
) -> Scan:
    from envguard.cli.local import roots_to_look_below
    from envguard.inventory import SEARCH_S, scan_machine

    wanted = _kinds_in(kinds) if kinds is not None else None
    with Progress() as progress:
        return scan_machine(
            list(roots) or roots_to_look_below(),
            kinds=wanted,
            all_file_systems=all_file_systems,
            deadline_s=time_limit_s or SEARCH_S,
            progress=progress.step,
        )


def _kinds_in(text: str) -> frozenset[EnvironmentKind]:
    from envguard.domain.environment import EnvironmentKind

    known: dict[str, EnvironmentKind] = {kind: kind for kind in get_args(EnvironmentKind)}
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in known:
            hint = nearest(word, known) or ", ".join(known)
            raise UsageError(f"no kind of environment: `{word}`", where="--kinds", hint=hint)
    return frozenset(known[word] for word in words)
