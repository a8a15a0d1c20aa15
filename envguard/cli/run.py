"""``envguard run``."""

from __future__ import annotations

import click

from envguard.cli import completion
from envguard.cli.options import env_option, filled, policy_option, verbose_option


@click.command(context_settings={"allow_interspersed_args": False})
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, shell_complete=completion.files)
@env_option("Judge this environment.  [default: the command's]")
@policy_option
@click.option(
    "--allow-drift", metavar="REASON", callback=filled, help="Run whatever the verdict; it is recorded."
)
@click.option(
    "--receipt",
    metavar="DIR",
    callback=filled,
    shell_complete=completion.folders,
    help="Where its receipt goes.  [default: .envguard/runs/ID]",
)
@click.option("--no-receipt", is_flag=True, help="Write no receipt.")
@click.option("--exec", "is_exec", is_flag=True, help="Become the command: its end is not seen.")
@verbose_option
def run(
    command: tuple[str, ...],
    env: str | None,
    named: str | None,
    allow_drift: str | None,
    receipt: str | None,
    *,
    no_receipt: bool,
    is_exec: bool,
    verbose: int,
) -> int:
    """Judge the environment of a command, then run it.

    The environment is the one that the command itself would use, also behind `uv run`, `poetry run`,
    `conda run`, `pixi run`, `torchrun`, `accelerate launch`, `srun` and `env`. Where that cannot be told, it
    is chosen as by `check`, and that is said. In one that drifted the command does not start.

    Signals, job control, the terminal and the exit code are those of the command. A receipt says what ran, in
    which environment, and how it ended; the environment is marked as in use until then.

    Exit code: 0 or the command's own once it started, 1 drifted, 2 wrong usage, 3 it could not be decided.

    Example: envguard run -- python train.py
    """
    if receipt is not None and no_receipt:
        raise click.UsageError("--receipt and --no-receipt exclude each other")
    if not command[0]:
        raise click.UsageError("the command is empty")
    from envguard.cli.run_asked import RunAsked
    from envguard.cli.running import run_guarded

    return run_guarded(RunAsked(command, env, named, allow_drift, receipt, not no_receipt, is_exec, verbose))
