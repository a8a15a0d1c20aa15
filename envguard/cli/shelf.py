"""Parsed locks in this user's cache: they may be lost at any time, and are then parsed again."""

from __future__ import annotations

import os

from envguard import __version__
from envguard.cli.again import folder_of_cache, read_own
from envguard.cli.keeping import write_own
from envguard.domain.environment import Digest
from envguard.formats.locks.remembered import keep_parsed_on

MOST_KEPT = 64
"""Locks; one of 400 packages has 120 kB."""

_LARGEST_BYTES = 8 * 1024 * 1024


def keep_parsed_locks() -> None:
    """Keep the locks that are parsed from now on, where this user has a place for that."""
    folder = folder_of_cache()
    keep_parsed_on(CacheShelf(f"{folder}/locks") if folder is not None else None)


class CacheShelf:
    """A folder with a file for each lock."""

    def __init__(self, folder: str) -> None:
        """Take the folder, which is made when something is put into it."""
        self._folder = folder
        self.version = _version()

    def take(self, key: Digest) -> bytes | None:
        """Answer what is in the key's file, if that is whole and this user's own."""
        return read_own(self._place(key))

    def put(self, key: Digest, content: bytes) -> None:
        """Write the key's file, if that can be."""
        if len(content) <= _LARGEST_BYTES:
            write_own(self._place(key), content, most=MOST_KEPT)

    def _place(self, key: Digest) -> str:
        return f"{self._folder}/{key.partition(':')[2]}"


def _version() -> str:
    """Of envguard, of the reference, and of the files that parse: a checkout changes within a version."""
    import packaging

    from envguard.domain.locks import lock
    from envguard.formats import locks

    parsing = os.path.dirname(locks.__file__)
    sources = sorted(name for name in os.listdir(parsing) if name.endswith(".py"))
    states = [os.stat(os.path.join(parsing, name)) for name in sources]
    states += [os.stat(lock.__file__)]
    told = (f"{each.st_size}.{each.st_mtime_ns}" for each in states)
    return " ".join((__version__, packaging.__version__, *told))
