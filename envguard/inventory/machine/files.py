"""A machine's own files: those of the kernel and the system, below ``/`` or a tree that stands for it.

Nothing here fails: what is absent, no regular file, or not to be had is empty. All reads are capped, and text
is harmless and short.
"""

from __future__ import annotations

import os

import msgspec

from envguard.inventory.files import Reader, shown

_CAP_BYTES = 64 * 1024
_LONGEST_WORD = 200
_LINKS_CAP = 16
_SYSTEM = Reader(0)


class MachineFiles(msgspec.Struct, frozen=True):
    """Reads by paths that begin at the machine's root."""

    root: str = "/"
    """The folder that stands for ``/``."""

    def head(self, path: str, *, cap_bytes: int = _CAP_BYTES) -> bytes:
        """Answer the beginning of a file."""
        try:
            return _SYSTEM.read_head(self._at(path), cap_bytes=cap_bytes)
        except (OSError, ValueError):  # ValueError: a NUL in a path that some file names
            return b""

    def text(self, path: str) -> str:
        """Answer the beginning of a file as text; bytes that are none of UTF-8 are marks."""
        return self.head(path).decode("utf-8", "replace")

    def word(self, path: str) -> str:
        """Answer the first line of a file that holds one value, fit to be shown."""
        return word_of(self.text(path).partition("\n")[0])

    def names(self, folder: str) -> list[str]:
        """Answer the sorted names in a folder."""
        try:
            return _SYSTEM.names(self._at(folder))
        except (OSError, ValueError):
            return []

    def places(self, path: str) -> list[str]:
        """Answer the path and each that its links lead to, the last being no link; [] where it is absent."""
        places = [path]
        while len(places) <= _LINKS_CAP:
            try:
                target = os.readlink(self._at(places[-1]))
            except (OSError, ValueError):
                break
            places.append(os.path.normpath(os.path.join(os.path.dirname(places[-1]), target)))
        return places if os.path.exists(self._at(places[-1])) else []

    def _at(self, path: str) -> str:
        return self.root.rstrip("/") + path


def word_of(text: str) -> str:
    """Answer a value of a file as one short line that may be shown and sent."""
    return shown(" ".join(text.split()))[:_LONGEST_WORD]
