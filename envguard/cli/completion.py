"""What the shell proposes after TAB: words that are known here, and files; nothing is asked of a server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import get_args

import click
from click.shell_completion import CompletionItem

from envguard.errors import EnvguardError


def files(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Propose files and folders, as the shell itself does."""
    return [CompletionItem(incomplete, type="file")]


def folders(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Propose folders, as the shell itself does."""
    return [CompletionItem(incomplete, type="dir")]


def policies(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Propose the policies that this machine got from its server, or that were pulled."""
    return _beginning(incomplete, _held())


def policies_and_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Propose policies by their names, and files."""
    return [*policies(ctx, param, incomplete), *files(ctx, param, incomplete)]


def kinds(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Propose kinds of environments, also after a comma."""
    from envguard.domain.environment import EnvironmentKind

    before, comma, _ = incomplete.rpartition(",")
    chosen = before.split(",")
    known: tuple[str, ...] = get_args(EnvironmentKind)
    return _beginning(incomplete, (f"{before}{comma}{kind}" for kind in known if kind not in chosen))


def _beginning(incomplete: str, words: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def _held() -> list[str]:
    from envguard.cli.local import kept_policies

    try:
        kept, pulled = kept_policies()
        return sorted({*kept, *pulled})
    except EnvguardError:
        return []  # a message would stand in the middle of what is being typed
