"""One verdict, judged and printed: what ``check`` does whichever way its command line was read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from envguard.cli.judged import Judged, as_last_looked_at, choose, judge_at, judge_lock_at
from envguard.cli.output import EXIT_CODES, console, here, print_json, unstyled_width
from envguard.domain.environment import Environment
from envguard.domain.verdict import Verdict

Format = Literal["rich", "json", "junit", "github", "sarif", "markdown"]
"""How verdicts are printed."""


class Checked(msgspec.Struct, frozen=True):
    """What was decided and printed."""

    verdict: Verdict
    asks_machine: bool = False
    """The policy asks something of the machine, which changes without a file that does."""
    tells_age: bool = False
    """What was printed says how long ago something was, which is another answer every minute."""

    @property
    def code(self) -> int:
        """The exit code."""
        return EXIT_CODES[self.verdict.verdict]


def check_one(
    env: str | None,
    named: str | None,
    format_: Format,
    *,
    verbose: int,
    look: Callable[[Environment], Environment] = as_last_looked_at,
) -> Checked:
    """Judge an environment, or a lock that nobody installed, and print the verdict.

    ``look`` adds to an environment what is known of changed files.
    """
    if env is not None and is_lock_file(env):
        return _check_lock(Path(env), named, format_)
    return _check_environment(env, named, format_, verbose=verbose, look=look)


def print_as(
    format_: Literal["junit", "github", "sarif", "markdown"], verdicts: Iterable[tuple[Verdict, str | None]]
) -> None:
    """Print what a machine reads; a format is the function of its name in the module of its name.

    Beside each verdict stands the folder of its policy's files, to which its places lead from where the
    checkout is; None where they are none of this machine's.
    """
    from importlib import import_module

    import click

    from envguard.report.places import with_ways_from

    root = os.environ.get("GITHUB_WORKSPACE") or str(Path.cwd())
    write: Callable[[Sequence[Verdict]], str] = getattr(import_module(f"envguard.report.{format_}"), format_)
    text = write([with_ways_from(root, verdict, folder) for verdict, folder in verdicts])
    if text:
        click.echo(text)


def is_lock_file(argument: str) -> bool:
    """Whether ``check`` takes its argument for a lock rather than for an environment."""
    if not Path(argument).is_file():
        return False
    from envguard.formats import is_lock_name

    return is_lock_name(argument)


def _check_lock(path: Path, named: str | None, format_: Format) -> Checked:
    from envguard.report.terminal import show_lock_verdict

    judged = judge_lock_at(path, named)
    match format_:
        case "rich":
            show_lock_verdict(console(), judged.verdict, source=judged.source)
        case "json":
            print_json(judged.verdict)
        case _:
            print_as(format_, [(judged.verdict, judged.folder)])
    return Checked(judged.verdict)


def _check_environment(
    env: str | None,
    named: str | None,
    format_: Format,
    *,
    verbose: int,
    look: Callable[[Environment], Environment],
) -> Checked:
    choice = choose(env)
    judged = judge_at(choice.path, named, look=look)
    if verbose or format_ == "json":
        judged = _with_hashes(judged)
    match format_:
        case "rich":
            _show(judged, choice.reason, env, named, verbose)
        case "json":
            print_json(judged.verdict)
        case _:
            print_as(format_, [(judged.verdict, judged.governing.folder)])
    return Checked(
        judged.verdict,
        asks_machine=bool(judged.governing.policy.rules.machine),
        tells_age=judged.governing.pulled_at is not None,
    )


def _with_hashes(judged: Judged) -> Judged:
    from envguard.domain.findings.hashes import count_hashes

    policy = judged.governing
    hashes = count_hashes(judged.environment.snapshot, judged.facts, policy.policy.rules, policy.lock)
    return msgspec.structs.replace(judged, verdict=msgspec.structs.replace(judged.verdict, hashes=hashes))


def _show(judged: Judged, chosen: str, env: str | None, named: str | None, verbose: int) -> None:
    from envguard.report.brief import brief_verdict

    # `active` rather than `active: VIRTUAL_ENV`: the line is to fit into 80 columns.
    chosen = chosen if verbose else chosen.partition(":")[0]
    width = unstyled_width()
    if width is not None and (verbose == 0 or judged.verdict.hashes is None):
        brief = brief_verdict(
            judged.verdict,
            judged.environment,
            chosen=chosen,
            source=judged.source,
            here=here(),
            width=width,
            is_own_lock=judged.is_own_lock,
        )
        if brief is not None:
            print(brief)
            return
    from envguard.report.terminal import ask_command, show_verdict

    show_verdict(
        console(),
        judged.verdict,
        judged.environment,
        chosen=chosen,
        source=judged.source,
        here=here(),
        is_verbose=verbose > 0,
        is_own_lock=judged.is_own_lock,
        ask=ask_command(judged.verdict, env=env, policy=named),
    )
