"""What a registry answers: places where a tool says that it keeps an environment."""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING, Protocol

import msgspec

from envguard.domain.environment import EnvironmentKind
from envguard.inventory.files import reader_for

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


class Guide(Protocol):
    """Tells a registry where it may look, and hears what it could not read."""

    def may_ask(self, path: str) -> bool:
        """Whether a place can be asked without hanging; it is asked before any that a setting may name."""
        ...

    def fail(self, path: str, reason: str) -> None:
        """Hear of a place that was read and makes no sense: environments may hide behind it."""
        ...

    def refuse(self, path: str, error: OSError) -> None:
        """Hear of a place that could not be read, or is not there."""
        ...


def candidates_in(folder: str, kind: EnvironmentKind | None, guide: Guide) -> Iterator[Candidate]:
    """Yield what lies directly in a folder that a tool keeps for environments, if it is there."""
    for name in names_in(folder, guide):
        yield Candidate(os.path.join(folder, name), kind)


def names_in(folder: str, guide: Guide) -> list[str]:
    """Answer the sorted names in a folder; none where it is absent or closed, only some of very many."""
    if not guide.may_ask(folder):
        return []
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, NAMES_CAP + 1)]
    except OSError as error:
        guide.refuse(folder, error)
        return []
    except ValueError:  # what can be no path
        return []
    if len(names) > NAMES_CAP:
        guide.fail(folder, f"more than {NAMES_CAP} entries")
    return sorted(names[:NAMES_CAP])


def content_of(path: str, guide: Guide, *, cap_bytes: int) -> bytes | None:
    """Answer what a tool's own file holds, read for its owner; None where there is none that can be read."""
    if not guide.may_ask(path):
        return None
    try:
        return reader_for(os.path.dirname(path)).read(path, cap_bytes=cap_bytes)
    except OSError as error:
        guide.refuse(path, error)
        return None
    except ValueError:  # what can be no path
        return None


def is_path(text: str) -> bool:
    """Whether a file system could have a path of this text: no NUL, and nothing that is no character."""
    try:
        return b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:
        return False
