"""What is wrong with a command line, as click found it, in the form that all our errors have."""

from __future__ import annotations

import re

import click

from envguard.cli.options import shown_name
from envguard.domain.nearest import nearest
from envguard.errors import UsageError

_QUOTED = re.compile(r"'([^']*)'")


def as_usage_error(error: click.ClickException, command: str) -> UsageError:
    """Answer click's error as one of ours: a sentence, the option it is about, and where help is.

    ``command`` is the command that was given, for the errors of which click does not say it.
    """
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context is not None else command
    hint = " ".join(filter(None, [_meant(error, context), f"try `{command} --help`"]))
    match error:
        case click.NoSuchOption():
            return UsageError(f"no such option: `{error.option_name}`", hint=hint)
        case click.MissingParameter(param=click.Parameter() as param):
            return UsageError(f"{param.param_type_name} `{shown_name(param)}` is missing", hint=hint)
        case click.BadParameter(param=click.Parameter() as param):
            return UsageError(_sentence(error.message), where=shown_name(param), hint=hint)
        case _:
            return UsageError(_sentence(error.message), hint=hint)


def _meant(error: click.ClickException, context: click.Context | None) -> str | None:
    if isinstance(error, click.NoSuchOption):
        return f"did you mean {error.possibilities[0]}?" if error.possibilities else None
    if context is None or not isinstance(context.command, click.Group):
        return None
    commands = context.command.list_commands(context)
    name = getattr(error, "command_name", None)  # click has it from 8.4
    if name is None:
        return f"its commands are {', '.join(commands)};"
    near = nearest(name, commands)
    return f"did you mean {near}?" if near is not None else None


def _sentence(text: str) -> str:
    """Click's words as ours are written: lower case, no full stop, things in backticks."""
    # Click calls it a range also where it is no number at all.
    text = text.replace("is not a valid integer range", "is not a valid integer")
    return _QUOTED.sub(r"`\1`", text[:1].lower() + text[1:]).removesuffix(".")
