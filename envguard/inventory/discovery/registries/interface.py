"""What a registry answers: places where a tool says that it keeps an environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.environment import EnvironmentKind
from envguard.inventory.files import reader_for

if TYPE_CHECKING:
    from collections.abc import Iterator

MayAsk = Callable[[str], bool]
"""Answers whether a place can be asked without hanging; it is asked before any that a setting may name."""

NAMES_CAP = 10_000
"""No tool keeps as many environments in one folder: somebody wants to keep the scan busy."""


class Candidate(msgspec.Struct, frozen=True):
    """A path that may be an environment: whoever registered it may have forgotten to take it back."""

    path: str
    """A folder, or an interpreter."""
    kind: EnvironmentKind | None = None
    """Of the tool that registered it, where the environment itself does not tell."""
    names: tuple[str, ...] = ()
    """What it is called there, such as ``kernel:rl``."""


def anywhere(_: str) -> bool:
    """Answer that any place may be asked: for who looks for one environment, and can wait."""
    return True


def candidates_in(folder: str, kind: EnvironmentKind | None, may_ask: MayAsk) -> Iterator[Candidate]:
    """Yield what lies directly in a folder that a tool keeps for environments, if it is there."""
    for name in names_in(folder, may_ask):
        yield Candidate(os.path.join(folder, name), kind)


def names_in(folder: str, may_ask: MayAsk) -> list[str]:
    """Answer the sorted names in a folder; none where it is absent or closed, only some of very many."""
    if not may_ask(folder):
        return []
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, NAMES_CAP))
    except (OSError, ValueError):  # the latter for what can be no path
        return []


def content_of(path: str, may_ask: MayAsk, *, cap_bytes: int) -> bytes | None:
    """Answer what a tool's own file holds, read for its owner; None where it cannot be read."""
    if not may_ask(path):
        return None
    try:
        return reader_for(os.path.dirname(path)).read(path, cap_bytes=cap_bytes)
    except (OSError, ValueError):
        return None


def is_path(text: str) -> bool:
    """Whether a file system could have a path of this text: no NUL, and nothing that is no character."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
