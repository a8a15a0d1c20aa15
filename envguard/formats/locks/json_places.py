"""Where in a JSON text a key stands, for errors: its reader keeps no places.

Rules
1. Places are kept of the keys of the first three levels: categories, packages, and what is said of each.
2. What is not found has the place of the nearest key above it.
3. The text was read as JSON before, up to a key that is there twice. It is looked over once, when the first
   place is asked for.
"""

from __future__ import annotations

import bisect
import json
import re

from envguard.formats.files import shown

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
        self._keys: dict[str, int] | None = None
        self._twice: tuple[str, int] | None = None
        self._breaks: list[int] = []

    def of(self, path: str) -> str:
        """Answer ``:LINE:COLUMN`` of a key path, its names as errors show them; empty where it has none."""
        keys = self._found()
        while path:
            if path in keys:
                return self._place(keys[path])
            path = path.rpartition(".")[0] if not path.endswith("]") else path.rpartition("[")[0]
        return ""

    def of_first_repeated(self) -> str:
        """Answer ``:LINE:COLUMN: PATH`` of the first key that its table has already, if any.

        Of several tables with such keys it is the one that ends first: there the reader stopped.
        """
        self._found()
        return f"{self._place(self._twice[1])}: {self._twice[0]}" if self._twice is not None else ""

    def _found(self) -> dict[str, int]:
        if self._keys is None:
            self._breaks = [match.start() for match in re.finditer("\n", self._text)]
            self._keys = {}
            self._look(self._keys)
        return self._keys

    def _look(self, keys: dict[str, int]) -> None:
        path, tables = "", list[_Table]()
        for number, token in enumerate(_TOKEN.finditer(self._text)):
            if number > _MOST_TOKENS:
                return
            sign, key = token["sign"], token["key"]
            if sign == "{":
                tables.append(_Table(path))
            elif sign == "}" and tables:
                closed = tables.pop()
                path, self._twice = closed.path, self._twice or closed.twice
            elif key is not None and tables:
                table = tables[-1]
                if len(tables) <= _LEVELS:
                    path = f"{table.path}.{_name(key)}" if table.path else _name(key)
                    keys.setdefault(path, token.start())
                table.add(key, (path, token.start()))

    def _place(self, offset: int) -> str:
        line = bisect.bisect_left(self._breaks, offset)
        return f":{line + 1}:{offset - (self._breaks[line - 1] if line else -1)}"


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


def _name(key: str) -> str:
    """A key as errors show it."""
    bare = key[1:-1]
    return bare if _PLAIN.fullmatch(bare) else shown(json.loads(key, strict=False))
