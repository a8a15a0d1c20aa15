"""``envguard guard``: install, uninstall."""

from __future__ import annotations

import click

from envguard.cli import completion
from envguard.cli.options import filled


@click.group(no_args_is_help=False)
def guard() -> None:
    """Let scripts ask, where envguard is not installed.

    Example: envguard guard install .venv
    """


@guard.command()
@click.argument("env", required=False, callback=filled, shell_complete=completion.files)
def install(env: str | None) -> None:
    """Put the guard into an environment of mine.

    It has no dependencies, is for Python 2.7 and 3.6 up, and a distribution that pip lists and removes.
    Scripts then say `import envguard_guard; envguard_guard.require()`, or are run by
    `python -m envguard_guard SCRIPT`; pytest has `--envguard`, and notebooks `%load_ext envguard_guard`.
    ENV is chosen as by `check`.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard guard install .venv
    """
    from envguard.cli.judged import choose
    from envguard.runs.guard_files import install_guard, site_for_guard

    choice = choose(env)
    install_guard(site_for_guard(choice.path))
    click.echo(f"{choice.path} has the guard: import envguard_guard ({choice.reason})")


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
