"""The files that a policy or a lock names: read beside it, or kept with it.

Rules
1. Names are paths relative to the policy's folder, with ``/``, in their shortest form. An absolute path would
   be another file on another machine: it is refused.
2. Whatever was read belongs to the policy from then on: it travels with it, and its digest is over all of it.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from envguard.errors import PolicyError
from envguard.formats.files import ReadBytes, read_bytes, read_text, shown

_MOST_FILES = 50
"""More are a mistake, or a circle."""


class Companions(Protocol):
    """Where the files that are named come from."""

    def read(self, name: str, what: str, where: str) -> str:
        """Answer the text of a file that must be there; ``where`` names it. Raises PolicyError."""

    def find(self, name: str) -> str | None:
        """Answer the text of a file that may be there; None where there is none."""


class KeptFiles:
    """Files that were kept with the policy, or came with it."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        """Take the texts by their names."""
        self._texts = texts

    def read(self, name: str, what: str, where: str) -> str:
        """Answer the text of a kept file."""
        if name not in self._texts:
            raise PolicyError(
                f"the {what} is not there: {shown(name)}", where=where, hint="send it with the policy"
            )
        return self._texts[name]

    def find(self, name: str) -> str | None:
        """Answer the text of a kept file."""
        return self._texts.get(name)


class FolderFiles:
    """Files below, or near, a folder; what was read is remembered."""

    def __init__(self, folder: Path, read: ReadBytes = read_bytes) -> None:
        """Take the folder that names are relative to, and how its files are read."""
        self._folder = folder
        self._read = read
        self.texts: dict[str, str] = {}
        """What was read so far, by name."""

    def read(self, name: str, what: str, where: str) -> str:
        """Answer the text of a file."""
        if name not in self.texts:
            if len(self.texts) >= _MOST_FILES:
                raise PolicyError(f"more than {_MOST_FILES} files belong to this policy", where=where)
            self.texts[name] = read_text(self._folder / name, what, where=where, read=self._read)
        return self.texts[name]

    def find(self, name: str) -> str | None:
        """Answer the text of a file that may be there; one that cannot be read is an error all the same."""
        path = self._folder / name
        if _may_be_there(path):
            return self.read(name, "file", name)
        with suppress(OSError, ValueError):
            self._read(path, 0)  # whoever notes what is read must hear of this one, too
        return None


ALONE = KeptFiles({})
"""Of a text that came by itself."""


def _may_be_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return True  # reading it says why it cannot be had


def beside(filename: str, name: str, where: str) -> str:
    """Answer the name of a file as ``filename`` writes it, relative to the policy's folder.

    Raises PolicyError for an absolute path, and for an address.
    """
    if posixpath.isabs(name) or "\\" in name or "://" in name or name[1:2] == ":":
        what = f"not a path beside this file: `{shown(name)}`"
        raise PolicyError(what, where=where, hint="a relative path with `/`: every machine must find it")
    return posixpath.normpath(posixpath.join(posixpath.dirname(filename), name))
