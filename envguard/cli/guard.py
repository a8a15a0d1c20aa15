"""``envguard guard``: install, uninstall."""

from __future__ import annotations

import os
from pathlib import Path

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

    It is one file without dependencies, for Python 2.7 and 3.6 up, and a distribution that pip lists and
    removes. Scripts then say `import envguard_guard; envguard_guard.require()`, or are run by
    `python -m envguard_guard SCRIPT`. ENV is chosen as by `check`.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard guard install .venv
    """
    from envguard.runs.guard_files import install_guard, site_for_guard

    path, reason = _chosen(env)
    install_guard(site_for_guard(path))
    click.echo(f"{path} has the guard: import envguard_guard ({reason})")


@guard.command()
@click.argument("env", required=False, callback=filled, shell_complete=completion.files)
def uninstall(env: str | None) -> None:
    """Take the guard out of an environment of mine.

    ENV is chosen as by `check`.

    Exit code: 0 done, 2 wrong usage, 3 it could not be done.

    Example: envguard guard uninstall .venv
    """
    from envguard.errors import UsageError
    from envguard.runs.guard_files import site_for_guard, uninstall_guard

    path, reason = _chosen(env)
    if not uninstall_guard(site_for_guard(path)):
        raise UsageError("it has no guard", where=str(path), hint=f"chosen: {reason}")
    click.echo(f"{path} has no guard any more ({reason})")


def _chosen(env: str | None) -> tuple[Path, str]:
    from envguard.inventory import choose_environment

    choice = choose_environment(env, environ=os.environ, cwd=Path.cwd())
    return choice.path, choice.reason
