"""``envguard guard``: install, uninstall."""

from __future__ import annotations

import os
from pathlib import Path

import click

from envguard.cli import completion
from envguard.cli.options import filled, policy_option
from envguard.cli.output import now


@click.group(no_args_is_help=False)
def guard() -> None:
    """Let scripts ask, where envguard is not installed.

    Example: envguard guard install .venv
    """


@guard.command()
@click.argument("env", required=False, callback=filled, shell_complete=completion.files)
@policy_option
def install(env: str | None, named: str | None) -> None:
    """Put the guard into an environment of mine.

    It has no dependencies, is for Python 2.7 and 3.6 up, and a distribution that pip lists and removes.
    Scripts then say `import envguard_guard; envguard_guard.require()`, or are run by
    `python -m envguard_guard SCRIPT`; pytest has `--envguard`, and notebooks `%load_ext envguard_guard`.
    ENV is chosen as by `check`.

    The policy that `check` would choose is compiled and comes along: by it the guard judges where there is
    neither agent nor `envguard`. Where none applies there comes none, and a project's own lock must be named.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard guard install .venv --policy rl-team.yaml
    """
    from envguard.cli.judged import choose
    from envguard.runs.guard_files import install_guard, site_for_guard

    choice = choose(env)
    site = site_for_guard(choice.path)
    compiled, words = _compiled(choice.path, named)
    install_guard(site, compiled)
    click.echo(f"{choice.path} has the guard: import envguard_guard ({choice.reason})")
    click.echo(words)


def _compiled(path: Path, named: str | None) -> tuple[bytes | None, str]:
    """Answer the compiled policy of an environment, and what to say of it; None where none comes along."""
    from envguard.cli.judged import bound_environment
    from envguard.cli.local import existing_state, held_policies, this_machine
    from envguard.errors import PolicyError, UnavailableError, UsageError
    from envguard.inventory import machine_facts
    from envguard.runs.compiling import Asked, compile_policy
    from envguard.state import pulled_folder, state_directory, uses_file

    state = existing_state()
    asked = Asked(
        named=named,
        environ=os.environ,
        cwd=Path.cwd(),
        machine=this_machine(),
        known=held_policies(),
        kept_in=(pulled_folder(), *([state.path / "policies"] if state is not None else [])),
        uses=uses_file(state_directory(os.environ)),
    )
    try:
        compiled = compile_policy(bound_environment(path), machine_facts(), asked, now())
    except (PolicyError, UnavailableError, UsageError) as error:
        if named is not None:
            raise
        return None, f"without a policy: {error}"
    if compiled is None:
        return None, "without a policy: only the project's own lock applies; name it with --policy"
    return compiled.content, f"policy  {compiled.name} ({compiled.source})"


@guard.command()
@click.argument("env", required=False, callback=filled, shell_complete=completion.files)
def uninstall(env: str | None) -> None:
    """Take the guard out of an environment of mine.

    ENV is chosen as by `check`.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard guard uninstall .venv
    """
    from envguard.cli.judged import choose
    from envguard.errors import UsageError
    from envguard.runs.guard_files import site_for_guard, uninstall_guard

    choice = choose(env)
    if not uninstall_guard(site_for_guard(choice.path)):
        raise UsageError("it has no guard", where=str(choice.path), hint=f"chosen: {choice.reason}")
    click.echo(f"{choice.path} has no guard any more ({choice.reason})")
