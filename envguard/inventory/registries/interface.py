"""What a registry answers: places where a tool says that it keeps an environment."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.environment import EnvironmentKind

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def candidates_in(folder: str, kind: EnvironmentKind | None = None) -> Iterator[Candidate]:
    """Yield what lies directly in a folder that a tool keeps for environments, if it is there."""
    for name in names_in(folder):
        yield Candidate(os.path.join(folder, name), kind)


def names_in(folder: str) -> list[str]:
    """Answer the sorted names in a folder; none where it is absent or closed, only some of very many."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, NAMES_CAP))
    except OSError:
        return []
