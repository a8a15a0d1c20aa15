"""The tree of commands: finds the sub-command, and turns every error into words and an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import click

from envguard import __version__
from envguard.cli.failing import fail
from envguard.cli.plain import wants_json
from envguard.errors import EnvguardError

_COMMANDS = {
    "agent": "envguard.cli.machine:agent",
    "check": "envguard.cli.check:check",
    "demo": "envguard.cli.demo.command:demo",
    "diff": "envguard.cli.diff:diff",
    "doctor": "envguard.cli.doctor.command:doctor",
    "explain": "envguard.cli.explain:explain",
    "guard": "envguard.cli.guard:guard",
    "join": "envguard.cli.machine:join",
    "machine": "envguard.cli.listed:machine",
    "package": "envguard.cli.listed:package",
    "policy": "envguard.cli.policy:policy",
    "ranks": "envguard.cli.ranks:ranks",
    "rebuild": "envguard.cli.rebuild:rebuild",
    "scan": "envguard.cli.scan:scan",
    "run": "envguard.cli.run:run",
    "runs": "envguard.cli.runs:runs",
    "server": "envguard.cli.server:server",
    "stamp": "envguard.cli.stamp:stamp",
    "status": "envguard.cli.machine:status",
    "team": "envguard.cli.team:team",
    "token": "envguard.cli.server:token",
    "use": "envguard.cli.use:use",
    "waive": "envguard.cli.waive:waive",
    "waivers": "envguard.cli.waivers:waivers",
    "version": "envguard.cli.version:version",
}
"""Sub-command to where it lives; imported when it is asked for."""


class LazyGroup(click.Group):
    """A group whose commands are imported at the moment that they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Answer the names of all commands."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Answer one command, or None where there is none of that name."""
        target = _COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, name = target.partition(":")
        command = getattr(import_module(module), name)
        return command if isinstance(command, click.Command) else None


@click.group(cls=LazyGroup, invoke_without_command=True)
@click.version_option(__version__, message="envguard %(version)s")
@click.pass_context
def envguard(ctx: click.Context) -> None:
    """Keep a team on the same version of everything.

    Example: envguard check
    """
    if ctx.invoked_subcommand is None:
        from envguard.cli.home import show_home

        show_home()


def run(given: Sequence[str]) -> int:
    """Answer the exit code of a command line: 0 compliant or done, 1 drifted, 2 wrong usage, 3 undecided."""
    try:
        code = envguard.main(list(given), prog_name="envguard", standalone_mode=False)
    except EnvguardError as error:
        return fail(error, wants_json=wants_json(given))
    except click.ClickException as error:
        from envguard.cli.mistakes import as_usage_error

        command = next((f"envguard {word}" for word in given[:1] if word in _COMMANDS), "envguard")
        return fail(as_usage_error(error, command), wants_json=wants_json(given))
    except click.Abort as error:  # click's word for Ctrl-C, after an end of the line
        raise KeyboardInterrupt from error
    return code if isinstance(code, int) else 0
