"""``envguard check``: judge one environment, or all of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Literal, get_args

import click

from envguard.cli import completion
from envguard.cli.judged import Judged, judge_at, judge_lock_at
from envguard.cli.local import existing_state, held_policies, known_matches, roots_to_look_below, this_machine
from envguard.cli.options import filled, json_option, verbose_option
from envguard.cli.output import EXIT_CODES, console, here, now, print_json, tell
from envguard.cli.progress import Progress
from envguard.domain.verdict import Verdict, worst

Format = Literal["rich", "json", "junit", "github", "sarif", "markdown"]
"""How verdicts are printed."""

_UNREAD_AT_MOST = 10
"""Places that are named before a warning says the rest."""


@click.command()
@click.argument("env", required=False, callback=filled, shell_complete=completion.files)
@click.option("--all", "is_all", is_flag=True, help="Judge every environment of this machine.")
@click.option(
    "--policy",
    "named",
    metavar="P",
    callback=filled,
    shell_complete=completion.policies_and_files,
    help="A policy's name, a policy file, or a lock.",
)
@click.option(
    "--format", "format_", type=click.Choice(get_args(Format)), help="How to print it.  [default: rich]"
)
@json_option
@verbose_option
def check(
    env: str | None, named: str | None, format_: Format | None, *, is_all: bool, as_json: bool, verbose: int
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
        return _check_all(chosen)
    if env is not None and _is_lock(env):
        return _check_lock(Path(env), named, chosen)
    return _check_one(env, named, chosen, verbose=verbose)


def _is_lock(argument: str) -> bool:
    from envguard.formats import is_lock_name

    return is_lock_name(argument) and Path(argument).is_file()


def _check_lock(path: Path, named: str | None, format_: Format) -> int:
    from envguard.report.terminal import show_lock_verdict

    judged = judge_lock_at(path, named)
    match format_:
        case "rich":
            show_lock_verdict(console(), judged.verdict, source=judged.source)
        case "json":
            print_json(judged.verdict)
        case _:
            _print_as(format_, [judged.verdict])
    return EXIT_CODES[judged.verdict.verdict]


def _check_one(env: str | None, named: str | None, format_: Format, *, verbose: int) -> int:
    from envguard.inventory import choose_environment

    choice = choose_environment(env, environ=os.environ, cwd=Path.cwd())
    if choice.warning is not None:
        tell(f"warning: {choice.warning}")
    judged = judge_at(choice.path, named)
    match format_:
        case "rich":
            _show(judged, choice.reason, verbose)
        case "json":
            print_json(judged.verdict)
        case _:
            _print_as(format_, [judged.verdict])
    return EXIT_CODES[judged.verdict.verdict]


def _show(judged: Judged, chosen: str, verbose: int) -> None:
    from envguard.report.terminal import show_verdict

    show_verdict(
        console(),
        judged.verdict,
        judged.environment,
        # `active` rather than `active: VIRTUAL_ENV`: the line is to fit into 80 columns.
        chosen=chosen if verbose else chosen.partition(":")[0],
        source=judged.source,
        is_own_lock=judged.is_own_lock,
        here=here(),
        is_verbose=verbose > 0,
    )


def _check_all(format_: Format) -> int:
    from envguard.report.outputs import verdicts_document
    from envguard.report.terminal import show_verdicts

    verdicts, is_incomplete = _judge_all()
    match format_:
        case "rich":
            show_verdicts(console(), verdicts, here=here())
        case "json":
            print_json(verdicts_document(verdicts, is_incomplete=is_incomplete))
        case _:
            _print_as(format_, verdicts)
    code = EXIT_CODES[worst([verdict.verdict for verdict in verdicts])]
    if is_incomplete:
        tell("warning: not everything could be looked at: there may be more environments")
        return code or EXIT_CODES["unknown"]
    return code


def _judge_all() -> tuple[Sequence[Verdict], bool]:
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
    return [each.verdict for each in ruled], found.is_incomplete


def _print_as(format_: Literal["junit", "github", "sarif", "markdown"], verdicts: Sequence[Verdict]) -> None:
    """Print what a machine reads; a format is the function of its name in the module of its name."""
    write: Callable[[Sequence[Verdict]], str] = getattr(import_module(f"envguard.report.{format_}"), format_)
    text = write(verdicts)
    if text:
        click.echo(text)
