"""``envguard check``: judge one environment, or all of this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from envguard.cli.judged import Judged, judge_at
from envguard.cli.local import known_policies, this_machine, with_use
from envguard.cli.output import EXIT_CODES, console, json_option, now, print_json, tell, verbose_option
from envguard.domain.verdict import Verdict, worst


@click.command()
@click.argument("env", required=False)
@click.option("--all", "is_all", is_flag=True, help="Judge every environment of this machine.")
@click.option("--policy", "named", metavar="P", help="A policy's name, a policy file, or a lock.")
@json_option
@verbose_option
def check(env: str | None, named: str | None, *, is_all: bool, as_json: bool, verbose: int) -> int:
    """Judge an environment by its policy: 0 compliant, 1 drifted, 3 unknown.

    ENV is a folder or an interpreter; nothing means the active environment, then the project's .venv.

    Example: envguard check .venv --policy policies/rl-team.yaml
    """
    if is_all:
        if env is not None or named is not None:
            raise click.UsageError("--all judges each environment by its own policy: no ENV, no --policy")
        return _check_all(as_json=as_json)
    return _check_one(env, named, as_json=as_json, verbose=verbose)


def _check_one(env: str | None, named: str | None, *, as_json: bool, verbose: int) -> int:
    from envguard.inventory import choose_environment

    choice = choose_environment(env, environ=os.environ, cwd=Path.cwd())
    if choice.warning is not None:
        tell(f"warning: {choice.warning}")
    judged = judge_at(choice.path, named)
    if as_json:
        print_json(judged.verdict)
    else:
        _show(judged, choice.reason, verbose)
    return EXIT_CODES[judged.verdict.verdict]


def _show(judged: Judged, chosen: str, verbose: int) -> None:
    from envguard.report.terminal import show_verdict

    show_verdict(
        console(),
        judged.verdict,
        judged.environment,
        chosen=chosen,
        source=judged.source,
        is_verbose=verbose > 0,
    )


def _check_all(*, as_json: bool) -> int:
    from envguard.agent.judging import resolve_markers
    from envguard.inventory import scan_machine
    from envguard.runs.judging import judge_bound

    found = scan_machine()
    environments, policies = resolve_markers([with_use(each) for each in found.environments])
    verdicts: Sequence[Verdict] = judge_bound(
        environments, found.facts, this_machine(), {**policies, **known_policies()}, now()
    )
    if as_json:
        from envguard.report.documents import verdicts_document

        print_json(verdicts_document(verdicts))
    else:
        from envguard.report.terminal import show_verdicts

        show_verdicts(console(), verdicts)
    return EXIT_CODES[worst([verdict.verdict for verdict in verdicts])]
