"""Writes ``docs/commands.md`` from the commands' own help: ``python -m envguard.cli.reference``."""

from __future__ import annotations

from collections.abc import Iterator

import click

from envguard.cli.commands import envguard

_WIDTH = 80
_HEAD = """\
# Commands

Written from the commands themselves by `make docs`. `envguard COMMAND --help` prints the same.
"""


def reference() -> str:
    """Answer the help of every command, as Markdown."""
    return _HEAD + "".join(_section(path, command) for path, command in commands())


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command with the words that call it, groups before what is in them."""
    yield from _below("envguard", envguard)


def _below(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                yield from _below(f"{path} {name}", found)


def _section(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path, max_content_width=_WIDTH, terminal_width=_WIDTH)
    return f"\n## {path}\n\n```text\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    click.echo(reference(), nl=False)
