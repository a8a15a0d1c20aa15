"""``envguard check``: judge one environment, or all of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

import click

from envguard.cli import completion
from envguard.cli.checking import Format, check_one, is_lock_file, print_as
from envguard.cli.local import existing_state, held_policies, known_matches, roots_to_look_below, this_machine
from envguard.cli.options import filled, json_option, policy_option, verbose_option
from envguard.cli.output import EXIT_CODES, console, here, now, print_json, tell
from envguard.cli.progress import Progress
from envguard.domain.verdict import worst

if TYPE_CHECKING:
    from envguard.runs.judging import Ruled

_UNREAD_AT_MOST = 10
"""Places that are named before a warning says the rest."""


@click.command()
@click.argument("env", required=False, callback=filled, shell_complete=completion.files)
@click.option("--all", "is_all", is_flag=True, help="Judge every environment of this machine.")
@policy_option
@click.option(
    "--format", "format_", type=click.Choice(get_args(Format)), help="How to print it.  [default: rich]"
)
@click.option(
    "--integrity", "wants_integrity", is_flag=True, help="Hash all installed files first: did any change?"
)
@json_option
@verbose_option
def check(
    env: str | None,
    named: str | None,
    format_: Format | None,
    *,
    is_all: bool,
    wants_integrity: bool,
    as_json: bool,
    verbose: int,
) -> int:
    """Judge an environment by its policy.

    ENV is a folder, an interpreter, conda:NAME or kernel:NAME; nothing means the active environment, then the
    project's .venv. LOCK is a lock file: it is judged as it is, without being installed.

    Exit code: 0 compliant, 1 drifted, 2 wrong usage, 3 it could not be decided.

    Example: envguard check .venv --policy policies/rl-team.yaml
    """
    if as_json and format_ not in (None, "json"):
        raise click.UsageError(f"--json is short for --format json, and --format {format_} is another")
    chosen: Format = "json" if as_json else format_ or "rich"
    if is_all:
        if env is not None or named is not None:
            raise click.UsageError("--all judges each environment by its own policy: no ENV, no --policy")
        if wants_integrity:
            raise click.UsageError(
                "--integrity is for one environment; `envguard scan --integrity` hashes all"
            )
        return _check_all(chosen)
    if not wants_integrity:
        return check_one(env, named, chosen, verbose=verbose).code
    if env is not None and is_lock_file(env):
        raise click.UsageError(
            f"--integrity hashes what is installed, and {env} is a lock that nobody installed"
        )
    from envguard.cli.integrity import with_integrity_of

    return check_one(env, named, chosen, verbose=verbose, look=with_integrity_of).code


def _check_all(format_: Format) -> int:
    from envguard.report.outputs import verdicts_document
    from envguard.report.terminal import show_verdicts

    ruled, is_incomplete = _judge_all()
    verdicts = [each.verdict for each in ruled]
    match format_:
        case "rich":
            show_verdicts(console(), verdicts, here=here())
        case "json":
            print_json(verdicts_document(verdicts, is_incomplete=is_incomplete))
        case _:
            print_as(
                format_,
                [
                    (each.verdict, each.governing.folder if each.governing is not None else None)
                    for each in ruled
                ],
            )
    code = EXIT_CODES[worst([verdict.verdict for verdict in verdicts])]
    if is_incomplete:
        tell("warning: not everything could be looked at: there may be more environments")
        return code or EXIT_CODES["unknown"]
    return code


def _judge_all() -> tuple[Sequence[Ruled], bool]:
    """Answer every verdict, and whether the look was cut off before its end."""
    from envguard.inventory import scan_machine
    from envguard.runs.bindings import bind_scan, bound_places, uses_of_owners
    from envguard.runs.comparing import Comparisons
    from envguard.runs.judging import Policies, judge_bound

    with Progress() as progress:
        bound_here = bound_places(existing_state())
        found = scan_machine(roots_to_look_below(), bound=bound_here, progress=progress.step)
    for place in found.unread[:_UNREAD_AT_MOST]:
        tell(f"unread: {place.path}: {place.reason}")
    bound = bind_scan(found, uses_of_owners(existing_state()))
    policies = Policies(held_policies(), bound.of_projects)
    ruled = judge_bound(
        bound.scan.environments,
        found.facts,
        this_machine(),
        policies,
        now(),
        comparisons=Comparisons(),
        matches=known_matches(),
    )
    return ruled, found.is_incomplete
