"""Locks that were parsed already: kept by the digest of all that was read, so each is parsed once.

Rules
1. A lock is found by its file's name and text, and by the version of what parses. It counts where each
   further file that was read or missed is as it was.
2. What is wrong with a lock is never kept.
3. Where they are kept is handed in once, with :func:`keep_parsed_on`: the way to where a lock is parsed is
   ten calls long, and none of them has to know.
"""

# No postponed annotations: decoding would compile each of their texts, 2 % of a cold `check`.
from collections.abc import Callable
from typing import Protocol

import msgspec

from envguard.domain.environment import Digest, digest_of_text
from envguard.domain.locks.lock import Lock
from envguard.errors import PolicyError
from envguard.formats.companions import Companions
from envguard.formats.locks.interface import Parser


class Shelf(Protocol):
    """Where parsed locks are kept; it may lose them."""

    version: str
    """Of everything that parses."""

    def take(self, key: Digest) -> bytes | None:
        """Answer what was put under this key; None where nothing is."""

    def put(self, key: Digest, content: bytes) -> None:
        """Keep a content, if that can be."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    lock: Lock
    further: dict[str, Digest | None]
    """The digests of the files beside it that were asked for; None: there was none."""


class _Shelves:
    in_use: Shelf | None = None


def keep_parsed_on(shelf: Shelf | None) -> None:
    """Keep what is parsed from now on; None keeps nothing."""
    _Shelves.in_use = shelf


def parsed_once(text: str, filename: str, companions: Companions, find_parser: Callable[[], Parser]) -> Lock:
    """Answer the lock as it was parsed once; parsed now where it was not, by what ``find_parser`` answers."""
    shelf = _Shelves.in_use
    if shelf is None:
        return find_parser()(text, filename, companions)
    key = digest_of_text(f"{shelf.version}\0{filename}\0{text}")
    kept = _decoded(shelf.take(key))
    if kept is not None and all(_is_same(*each, companions) for each in kept.further.items()):
        return kept.lock
    asking = _Asking(companions)
    lock = find_parser()(text, filename, asking)
    shelf.put(key, msgspec.msgpack.encode(_Kept(lock, asking.asked)))
    return lock


class _Asking:
    """Passes on what is asked of the files beside a lock, and notes the answers."""

    def __init__(self, companions: Companions) -> None:
        self._companions = companions
        self.asked: dict[str, Digest | None] = {}

    def read(self, name: str, what: str, where: str) -> str:
        """Answer the text of a file that must be there."""
        text = self._companions.read(name, what, where)
        self.asked[name] = digest_of_text(text)
        return text

    def find(self, name: str) -> str | None:
        """Answer the text of a file that may be there."""
        text = self._companions.find(name)
        self.asked[name] = None if text is None else digest_of_text(text)
        return text


def _decoded(content: bytes | None) -> _Kept | None:
    if content is None:
        return None
    try:
        return msgspec.msgpack.decode(content, type=_Kept)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _is_same(name: str, digest: Digest | None, companions: Companions) -> bool:
    try:
        text = companions.find(name)
    except PolicyError:  # whoever parses has the words for it
        return False
    return digest == (None if text is None else digest_of_text(text))
