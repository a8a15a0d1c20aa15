"""Where in a TOML text a key stands, for errors: its reader keeps no places.

Rules
1. The place is that of the key's own line; of an item of an array with one a line, the item's.
2. A key below a table of its own (``[package.dependencies]``) is sought there. What is not found, such as a
   key that is missing, has the place of the table that it would be in.
3. The text was read as TOML before. It is looked over once, when the first place is asked for.
"""

from __future__ import annotations

import bisect
import re
from collections import defaultdict
from functools import cached_property
from typing import NamedTuple

from envguard.formats.locks.offsets import Lines

_QUOTED = r"""(?:"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\n]*')"""
_NAME = rf"(?:[\w-]+|{_QUOTED})"
_LINE = re.compile(
    rf"^[ \t]*(?:(?P<head>\[\[?)[ \t]*(?P<path>{_NAME}(?:[ \t]*\.[ \t]*{_NAME})*)[ \t]*\]\]?[ \t]*(?:\#.*)?$"
    rf"|(?P<key>{_NAME})[ \t]*[=.])",
    re.MULTILINE,
)
_PART = re.compile(_NAME)
_STRINGS = re.compile(
    r'#[^\n]*|(?P<long>"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"{3,5}'
    rf"|'''[^']*(?:'(?!'')[^']*)*'{{3,5}})|{_QUOTED}",
    re.DOTALL,
)
_NOT_BREAKS = re.compile(r"[^\n]+")
_OPENED = re.compile(r"[^=\n]*=[ \t]*\[[ \t]*\n")
_ITEM = re.compile(r"""[ \t]*(?=["'{])""")
_STEP = re.compile(r"(?P<name>[^\[\]]+)|\[(?P<index>\d+)\]")

_MOST_STEPS = 20
"""Names of a key path that are followed."""


class _Heads(NamedTuple):
    """The headers of all tables, in the order of the text; the first one is the text's beginning."""

    offsets: list[int]
    paths: list[str]
    keys: list[dict[str, int]]
    """The offsets of the keys below each, to the next one."""
    by_path: dict[str, list[int]]
    """The numbers of the headers of each path."""


class TomlPlaces:
    """The places of one text's keys."""

    def __init__(self, text: str) -> None:
        """Take a text; nothing is looked for yet."""
        self._text = text

    def of(self, key: str, table: tuple[str, int] | None) -> str:
        """Answer ``:LINE:COLUMN`` of a key path, empty where nothing of it is found.

        ``table`` is the array's table that it is in, such as ``("package", 3)``.
        """
        offset = self._offset(key, table)
        return self._lines.place(offset) if offset is not None else ""

    @cached_property
    def _heads(self) -> _Heads:
        return _heads(_without_long_strings(self._text))

    @cached_property
    def _lines(self) -> Lines:
        return Lines(self._text)

    def _offset(self, key: str, table: tuple[str, int] | None) -> int | None:
        heads, here, path = self._heads, 0, ""
        if table is not None:
            name, number = table
            numbers = heads.by_path.get(name, [])
            if number >= len(numbers):  # an array of inline tables
                return self._offset(f"{name}[{number}]", None)
            here, path = numbers[number], name
        names, indices = _steps(key)
        position = 0
        while position < len(names):
            for end in range(len(names), position, -1):  # a package's name may have dots
                name, index = ".".join(names[position:end]), indices[end - 1]
                if name in heads.keys[here]:
                    return self._item(heads.keys[here][name], index)
                longer = f"{path}.{name}" if path else name
                below = _below(heads, here, longer, index or 0, is_whole=table is None)
                if below is not None:
                    here, path, position = below, longer, end
                    break
            else:
                break
        return heads.offsets[here] if here else None

    def _item(self, offset: int, index: int | None) -> int:
        """The offset of an item where each has a line of its own, else that of the array's key."""
        opened = _OPENED.match(self._text, offset) if index is not None else None
        start = self._lines.start_of(self._lines.number_at(offset) + 1 + (index or 0))
        if opened is None or start is None:
            return offset
        first = _ITEM.match(self._text, opened.end())
        found = _ITEM.match(self._text, start)
        return found.end() if first is not None and found is not None else offset


def _below(heads: _Heads, here: int, path: str, number: int, *, is_whole: bool) -> int | None:
    """The header of a path's table, of those that belong to the table of a header."""
    numbers = heads.by_path.get(path, [])
    position = bisect.bisect_right(numbers, here) + number
    if position >= len(numbers):
        return None
    found = numbers[position]
    if is_whole:
        return found
    top = heads.paths[here].partition(".")[0]
    nexts = heads.by_path[top]
    following = bisect.bisect_right(nexts, here)
    return found if following >= len(nexts) or found < nexts[following] else None


def _heads(text: str) -> _Heads:
    heads = _Heads([0], [""], [{}], defaultdict(list))
    for match in _LINE.finditer(text):
        if match["head"] is None:
            heads.keys[-1].setdefault(_bare(match["key"]), match.start("key"))
            continue
        path = ".".join(_bare(part) for part in _PART.findall(match["path"]))
        heads.by_path[path].append(len(heads.offsets))
        heads.offsets.append(match.start("head"))
        heads.paths.append(path)
        heads.keys.append({})
    return heads


def _steps(key: str) -> tuple[list[str], list[int | None]]:
    """The names of a key path, and the index behind each; msgspec writes ``[...]`` for some key."""
    names, indices = list[str](), list[int | None]()
    for part in key.split(".", _MOST_STEPS)[:_MOST_STEPS]:
        for step in _STEP.finditer(part):
            if step["name"] is not None:
                names.append(step["name"])
                indices.append(None)
            elif names and indices[-1] is None:
                indices[-1] = int(step["index"])
    return names, indices


def _bare(name: str) -> str:
    return name[1:-1] if name[0] in "\"'" else name


def _without_long_strings(text: str) -> str:
    """The text with blanks for what strings of several lines say: it can look like a table."""
    if '"""' not in text and "'''" not in text:
        return text
    return _STRINGS.sub(_blank_if_long, text)


def _blank_if_long(match: re.Match[str]) -> str:
    whole = match[0]
    return whole if match["long"] is None else _NOT_BREAKS.sub(lambda part: " " * len(part[0]), whole)
