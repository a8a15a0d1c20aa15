"""``run``: judge the environment of a command, then run it as if nobody stood between.

Rules
1. Compliant: the command starts, and nothing is said. Drifted: it does not, unless its policy only warns.
   Undecided: it does not. ``--allow-drift REASON``, or ``ENVGUARD_ALLOW_DRIFT``, starts it in both cases.
2. Once it started, the exit code is the command's, whatever happens to the receipt.
3. A refusal is told to the server, where there is one; wrong usage is none.
"""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING, NamedTuple

from envguard.cli.git import answer_of, ask_git, leave
from envguard.cli.output import EXIT_CODES, current_folder, now, tell
from envguard.cli.run_judging import Before, judge_before
from envguard.cli.run_receipt import Open, close_receipt, open_receipt, tell_refused
from envguard.errors import EnvguardError, UsageError
from envguard.runs.command import Used, environment_of, find_program, is_environment
from envguard.runs.lease import give_back, take_lease
from envguard.runs.supervise import NOT_FOUND, NOT_RUNNABLE, NotStartedError, become, end_by, supervise

if TYPE_CHECKING:
    from envguard.cli.judged import Judged
    from envguard.cli.run_asked import RunAsked

ALLOWS = "ENVGUARD_ALLOW_DRIFT"
"""The variable that holds the reason for which a run starts in spite of its verdict."""


_RUN = "ENVGUARD_RUN"
"""The variable by which ``require()`` in the command knows that this run is told of already."""


class Target(NamedTuple):
    """The environment that is judged."""

    path: str
    how: str


class Standing(NamedTuple):
    """How a run stands before its start."""

    target: Target | None
    before: Before | None
    undecided: EnvguardError | None = None
    """Why there is no judgement."""


def run_guarded(asked: RunAsked) -> int:
    """Run a command, and answer its exit code, or why it did not start.

    Raises EnvguardError where nothing could be judged.
    """
    started_at, cwd = now(), current_folder()
    environ = dict(os.environ)
    reason = asked.allow_drift or environ.get(ALLOWS) or None
    environ[_RUN] = "told"
    if reason is not None:
        environ[ALLOWS] = reason
    place = find_program(asked.command[0], environ, cwd)
    if place is None:
        return _not_there(asked.command[0], cwd)
    question = ask_git(cwd) if asked.wants_receipt else None
    try:
        standing = _stand(asked, environ, cwd, reason)
    except EnvguardError as error:
        leave(question)
        if error.exit_code == EXIT_CODES["unknown"]:
            tell_refused(asked, Standing(None, None, error), started_at, cwd)
        raise
    code = _may_start(standing, asked, reason)
    if code is not None:
        leave(question)
        tell_refused(asked, standing, started_at, cwd)
        return code
    receipt = open_receipt(asked, standing, answer_of(question), reason, started_at, cwd)
    return _start(asked, standing, receipt, place, environ)


def _start(
    asked: RunAsked, standing: Standing, receipt: Open | None, place: str, environ: dict[str, str]
) -> int:
    lease = _lease(standing, asked)
    if asked.verbose:
        tell(_said(standing, is_leased=lease is not None))
    try:
        if asked.is_exec:
            become(place, asked.command, environ)
        ended = supervise(place, asked.command, environ, lease)
    except NotStartedError as error:
        tell(f"error: {error}")
        if receipt is not None:
            close_receipt(receipt, error.exit_code, asked)
        return error.exit_code
    if receipt is not None:
        close_receipt(receipt, ended.exit_code, asked)
    if lease is not None:
        give_back(lease)
    if ended.signal is not None:
        end_by(ended.signal)
    return ended.exit_code


def _stand(asked: RunAsked, environ: dict[str, str], cwd: str, reason: str | None) -> Standing:
    target = None
    try:
        target = _target(asked, environ, cwd)
        return Standing(target, judge_before(target.path, asked.policy))
    except EnvguardError as error:
        if reason is None or isinstance(error, UsageError):
            raise
        return Standing(target, None, error)


def _target(asked: RunAsked, environ: dict[str, str], cwd: str) -> Target:
    found = environment_of(asked.command, environ, cwd) if asked.env is None else None
    if isinstance(found, Used):
        return Target(found.path, found.how)
    if asked.env is not None and is_environment(os.path.join(cwd, asked.env)):
        return Target(os.path.join(cwd, asked.env), "named")
    from pathlib import Path

    from envguard.inventory import choose_environment

    choice = choose_environment(asked.env, environ=environ, cwd=Path(cwd))
    if found is not None:
        tell(f"note: which environment it uses cannot be told: {found.reason}")
        tell(f"note: judged is {choice.path} ({choice.reason}); --env ENV names another")
    return Target(str(choice.path), choice.reason)


def _may_start(standing: Standing, asked: RunAsked, reason: str | None) -> int | None:
    """The exit code where the command does not start; what is wrong is said in any case."""
    if standing.before is None or standing.before.judged is None:
        if standing.undecided is not None:
            tell(f"warning: {standing.undecided}; started all the same: {reason}")
        return None
    judgement, judged = standing.before.judgement, standing.before.judged
    outcome = judgement.verdict.verdict
    if outcome in ("compliant", "unmanaged"):
        return None
    if reason is None and (outcome == "unknown" or judgement.before_run == "refuse"):
        _show(judged, standing, asked)
        return EXIT_CODES[outcome]
    from envguard.report.brief import verdict_line

    line = verdict_line(judged.verdict, is_own_lock=judged.is_own_lock)
    why = reason if reason is not None else "its policy only warns (before-run: warn)"
    tell(f"warning: {line}; started all the same: {why}")
    return None


def _show(judged: Judged, standing: Standing, asked: RunAsked) -> None:
    from envguard.cli.output import console, here
    from envguard.report.terminal import ask_command, show_verdict

    show_verdict(
        console(is_for_data=False),
        judged.verdict,
        judged.environment,
        chosen=standing.target.how if standing.target is not None else "",
        source=judged.source,
        here=here(),
        is_verbose=asked.verbose > 0,
        is_own_lock=judged.is_own_lock,
        ask=ask_command(judged.verdict, env=asked.env, policy=asked.policy),
        start=_start_line(asked),
    )


def _start_line(asked: RunAsked) -> str:
    """The line that starts it all the same, with REASON for the person to write."""
    options = [
        *(("--env", asked.env) if asked.env is not None else ()),
        *(("--policy", asked.policy) if asked.policy is not None else ()),
        *(("--receipt", asked.receipt) if asked.receipt is not None else ()),
        *(() if asked.wants_receipt else ("--no-receipt",)),
        *(("--exec",) if asked.is_exec else ()),
    ]
    return shlex.join(["envguard", "run", *options, "--allow-drift", "REASON", "--", *asked.command])


def _lease(standing: Standing, asked: RunAsked) -> int | None:
    """The lock that marks the environment, held until this process ends."""
    if standing.before is None or standing.before.judgement.kind in ("system", "user"):
        return None
    verdict = standing.before.judgement.verdict
    prefix = os.fsdecode(verdict.path_bytes) if verdict.path_bytes is not None else verdict.environment
    return take_lease(prefix, is_inherited=asked.is_exec)


def _said(standing: Standing, *, is_leased: bool) -> str:
    if standing.before is None or standing.target is None:
        return "not judged"
    from envguard.report.brief import verdict_line

    judgement = standing.before.judgement
    line = verdict_line(judgement.verdict, is_own_lock=judgement.is_own_lock)
    lease = "" if is_leased else "; no lease: its folder may not be written"
    return (
        f"{line}: {judgement.verdict.environment} ({standing.target.how}); {judgement.verdict.source}{lease}"
    )


def _not_there(name: str, cwd: str) -> int:
    place = os.path.join(cwd, name)
    if os.sep in name and os.path.lexists(place):
        reason = "is a folder" if os.path.isdir(place) else "permission denied"
        tell(f"error: {name}: {reason}")
        return NOT_RUNNABLE
    tell(f"error: {name}: no such command")
    return NOT_FOUND
