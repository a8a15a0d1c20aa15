"""``envguard runs``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from envguard.cli.options import filled, json_option
from envguard.cli.output import console, now, print_json

if TYPE_CHECKING:
    from envguard.domain.receipt import Receipt


@click.command()
@click.option(
    "--with",
    "requirement",
    metavar="SPEC",
    callback=filled,
    help="Only those with this package, such as 'numpy>=2'.",
)
@click.option(
    "--count",
    metavar="N",
    type=click.IntRange(min=1, max=1_000_000),
    default=20,
    show_default=True,
    help="At most so many.",
)
@json_option
def runs(requirement: str | None, count: int, *, as_json: bool) -> None:
    """List the runs of this project, the newest first.

    They are told by the receipts in `.envguard/runs`. Those that went to a folder of their own are not among
    them.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard runs --with 'numpy>=2'
    """
    found = list(islice(_found(requirement), count))
    if as_json:
        from envguard.report.runs import runs_document

        print_json(runs_document(found))
        return
    from envguard.report.runs import show_runs

    show_runs(console(), found, now=now())


def _found(requirement: str | None) -> Iterator[tuple[str, Receipt]]:
    from envguard.cli.receipts import receipts_of

    wanted = _wanted(requirement) if requirement is not None else None
    for folder, receipt in receipts_of(str(Path.cwd())):
        if wanted is None or _has(receipt, *wanted):
            yield folder, receipt


def _wanted(requirement: str) -> tuple[str, str]:
    """The name and the specifier of a requirement. Raises UsageError."""
    from packaging.requirements import InvalidRequirement, Requirement

    from envguard.domain.requirements import normalised_name
    from envguard.errors import UsageError

    try:
        parsed = Requirement(requirement)
    except InvalidRequirement as error:
        what = f"a name and versions are expected: not `{requirement}`"
        raise UsageError(what, where="--with", hint="--with 'numpy>=2'") from error
    if parsed.url or parsed.marker or parsed.extras:
        what = "only a name and versions can be looked for"
        raise UsageError(what, where="--with", hint=f"--with '{parsed.name}{parsed.specifier}'")
    return normalised_name(parsed.name), str(parsed.specifier)


def _has(receipt: Receipt, name: str, specifier: str) -> bool:
    from envguard.domain.versions import allows, is_version

    packages = receipt.judgement.snapshot.packages if receipt.judgement is not None else ()
    return any(
        not specifier or (is_version(each.version) and allows(specifier, each.version))
        for each in packages
        if each.name == name
    )
