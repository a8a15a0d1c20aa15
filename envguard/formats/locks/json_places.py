"""Where in a JSON text a key stands, for errors: its reader keeps no places.

Rules
1. Places are kept of the keys of the first three levels: categories, packages, and what is said of each.
2. What is not found has the place of the nearest key above it.
3. The text was read as JSON before, up to a key that is there twice. It is looked over once, when the first
   place is asked for.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from itertools import islice
from typing import NamedTuple

from envguard.formats.files import shown
from envguard.formats.locks.offsets import Lines

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_TOKEN = re.compile(
    rf"(?P<key>{_STRING})[ \t\r\n]*:"
    rf"|{_STRING}|\[[ \t\r\n]*(?:{_STRING}[ \t\r\n]*(?:,[ \t\r\n]*)?)*\]|(?P<sign>[{{}}])",
    re.DOTALL,
)
_PLAIN = re.compile(r"[\w.-]{1,100}")
_LEVELS = 3
_MOST_TOKENS = 500_000
"""Keys, texts and tables that are looked at: half a second. No lock has as many."""


class JsonPlaces:
    """The places of one text's keys."""

    def __init__(self, text: str) -> None:
        """Take a text; nothing is looked for yet."""
        self._text = text

    def of(self, path: str) -> str:
        """Answer ``:LINE:COLUMN`` of a key path, its names as errors show them; empty where it has none."""
        keys = self._found.keys
        while path:
            if path in keys:
                return self._lines.place(keys[path])
            path = path.rpartition(".")[0] if not path.endswith("]") else path.rpartition("[")[0]
        return ""

    def of_first_repeated(self) -> str:
        """Answer ``:LINE:COLUMN: PATH`` of the first key that its table has already, if any.

        Of several tables with such keys it is the one that ends first: there the reader stopped.
        """
        twice = self._found.twice
        return f"{self._lines.place(twice[1])}: {twice[0]}" if twice is not None else ""

    @cached_property
    def _lines(self) -> Lines:
        return Lines(self._text)

    @cached_property
    def _found(self) -> _Found:
        return _found(self._text)


class _Found(NamedTuple):
    """What a text has."""

    keys: dict[str, int]
    """Where each key of the first levels stands, by its path."""
    twice: tuple[str, int] | None
    """The path of a key that its table has already, and where it stands."""


class _Table:
    """A table that has not ended yet."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.twice: tuple[str, int] | None = None
        """The first key that was there already: its path, and where it stands."""
        self._keys: set[str] = set()

    def add(self, key: str, place: tuple[str, int]) -> None:
        if key in self._keys and self.twice is None:
            self.twice = place
        self._keys.add(key)


def _found(text: str) -> _Found:
    keys: dict[str, int] = {}
    path, tables, twice = "", list[_Table](), None
    for token in islice(_TOKEN.finditer(text), _MOST_TOKENS):
        sign, key = token["sign"], token["key"]
        if sign == "{":
            tables.append(_Table(path))
        elif sign == "}" and tables:
            closed = tables.pop()
            path, twice = closed.path, twice or closed.twice
        elif key is not None and tables:
            table = tables[-1]
            if len(tables) <= _LEVELS:
                path = f"{table.path}.{_name(key)}" if table.path else _name(key)
                keys.setdefault(path, token.start())
            table.add(key, (path, token.start()))
    return _Found(keys, twice)


def _name(key: str) -> str:
    """A key as errors show it."""
    bare = key[1:-1]
    return bare if _PLAIN.fullmatch(bare) else shown(json.loads(key, strict=False))
