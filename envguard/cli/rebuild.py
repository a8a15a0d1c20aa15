"""``envguard rebuild``."""

from __future__ import annotations

import os

import click

from envguard.cli import completion
from envguard.cli.options import filled, json_option, verbose_option


@click.command()
@click.argument(
    "source",
    metavar="RECEIPT|RUN|POLICY@rN|LOCK",
    callback=filled,
    shell_complete=completion.policies_and_files,
)
@click.option(
    "--into",
    metavar="DIR",
    callback=filled,
    shell_complete=completion.folders,
    help="The folder to make.  [default: .venv-NAME in the project's folder]",
)
@click.option("--index-url", metavar="URL", callback=filled, help="The index to fetch from.")
@click.option(
    "--find-links",
    metavar="DIR",
    multiple=True,
    callback=filled,
    shell_complete=completion.folders,
    help="A folder or page of files to take; repeatable.",
)
@click.option("--no-index", is_flag=True, help="Ask no index: take files from --find-links only.")
@json_option
@verbose_option
def rebuild(
    source: str,
    into: str | None,
    index_url: str | None,
    find_links: tuple[str, ...],
    *,
    no_index: bool,
    as_json: bool,
    verbose: int,
) -> int:
    """Make an environment again, as a run had it.

    Of a run (its folder, its receipt, or its name as `runs` lists it), of a lock, or of a policy's lock (a
    file, NAME or NAME@rN). Exactly these versions are installed, by digest where it is known, and nothing is
    resolved: by uv where it is there, else by pip. Packages come from where pip and uv are set up to take
    them. What is made is read and compared; how the machines differ, the commit to check out and the command
    are printed.

    DIR must be new, or empty. What cannot be made leaves nothing.

    Exit code: 0 the same, 1 made but it differs, 2 wrong usage, 3 it could not be made.

    Example: envguard rebuild runs/42
    """
    from envguard.cli.output import console, current_folder, here, print_json
    from envguard.cli.rebuilding import rebuild_from
    from envguard.updater.indexes import Indexes

    cwd = current_folder()
    links = tuple(each if "://" in each else os.path.abspath(each) for each in find_links)
    given = Indexes(index=index_url, find_links=links, no_index=no_index)
    rebuilt = rebuild_from(source, into, given, cwd=cwd)
    if as_json:
        print_json(rebuilt.document)
    else:
        from envguard.report.rebuilt import show_rebuilt

        show_rebuilt(console(), rebuilt, here=here(), is_verbose=verbose > 0)
    return 0 if rebuilt.document.same else 1
