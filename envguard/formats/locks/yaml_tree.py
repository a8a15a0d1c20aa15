"""YAML that a tool wrote, megabytes of it: texts, lists and tables with their places, and no more.

Rules
1. Everything is text as it is written: ``3.10`` is a version, not a number, and ``no`` is a word.
2. Aliases, tags, keys that occur twice, deep nesting and more values or lines than any lock has are refused.
3. It is read in one pass over libyaml's events (0.1 s for 1,600 entries).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import yaml
from yaml.reader import ReaderError

from envguard.errors import PolicyError
from envguard.formats.files import Gathered, has_controls, shown

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it: 30 times faster."""
_LONGEST = 16 * 1024 * 1024
"""Characters; conda-lock writes 0.7 MB for 400 packages on four platforms."""
_MOST_EVENTS = 200_000
"""Beginnings, ends and scalars: 5,500 entries of conda-lock's, read in 0.4 s. No tool writes more lines."""
_TOOL_S = "write it out, as the tool did that made the lock"
_DEEPEST = 20
_NULLS = ("", "~", "null", "Null", "NULL")


class Text(msgspec.Struct, frozen=True):
    """A scalar."""

    place: str
    """Line and column, from 1 on: ``7:3``."""
    text: str | None
    """None where nothing is written, or ``null``."""


class Items(msgspec.Struct, frozen=True):
    """A list."""

    place: str
    items: list[Node]


class Table(msgspec.Struct, frozen=True):
    """Keys and values."""

    place: str
    entries: dict[str, Node]


Node = Text | Items | Table


class Problems(Gathered):
    """What is wrong with one file, and the reading of nodes that notes it."""

    def __init__(self, filename: str, hint: str) -> None:
        """Name the file as errors shall name it; ``hint`` is for problems that have none of their own."""
        super().__init__(filename)
        self._hint = hint

    def where(self, node: Node, key: str = "") -> str:
        """Answer file, line and column of a node, and the path of its key.

        Where the node is a table and the key one of its own with a text, it is that text's place.
        """
        value = node.entries.get(key.rpartition(".")[2]) if isinstance(node, Table) else None
        place = f"{self.filename}:{(value if isinstance(value, Text) else node).place}"
        return f"{place}: {shown(key)}" if key else place

    def note(self, node: Node, key: str, what: str, hint: str | None = None) -> None:
        """Note one problem; the hundredth raises them all."""
        self.keep(PolicyError(what, where=self.where(node, key), hint=hint or self._hint))

    def text(self, table: Table, name: str, key: str, *, is_needed: bool = True) -> str | None:
        """Answer the text of a key; None where it has none, which is noted if it is needed."""
        node = table.entries.get(name)
        path = f"{key}.{name}" if key else name
        if isinstance(node, Text) and node.text is not None:
            if not has_controls(node.text):
                return node.text
            self.note(node, path, f"control characters in a text: `{shown(node.text)}`")
        elif node is not None and not isinstance(node, Text):
            self.note(node, path, "a text is expected")
        elif is_needed:
            self.note(table, path, "the key is missing")
        return None

    def items(self, table: Table, name: str, key: str) -> Iterator[tuple[str, Node]]:
        """Yield the items of a list with their key paths; nothing where it is not there."""
        node = table.entries.get(name)
        path = f"{key}.{name}" if key else name
        if isinstance(node, Items):
            for index, item in enumerate(node.items):
                yield f"{path}[{index}]", item
        elif node is not None and not (isinstance(node, Text) and node.text is None):
            self.note(node, path, "a list is expected")


def read_tree(text: str, problems: Problems) -> Table:
    """Answer the root of a document; keys that occur twice are noted.

    Raises PolicyError with line and column where it is broken, and where it is no table.
    """
    filename = problems.filename
    if len(text) > _LONGEST:
        raise PolicyError(f"too large for a lock: over {_LONGEST >> 20} MiB", where=filename)
    if text.count("\n") > _MOST_EVENTS:  # known at once; to read as far as that takes half a second
        raise PolicyError(
            "too many entries for a lock", where=f"{filename}:{_MOST_EVENTS + 1}:1", hint=_TOOL_S
        )
    try:
        root = _built(text.removeprefix("\ufeff"), problems)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{filename}:{mark.line + 1}:{mark.column + 1}" if mark is not None else filename
        what = f"not YAML: {shown(error.problem or str(error))}"
        raise PolicyError(what, where=where, hint="look at the indentation and the quotes") from error
    except ReaderError as error:
        hint = "save the file as plain UTF-8 text"
        raise PolicyError("a character that YAML does not allow", where=filename, hint=hint) from error
    except (ValueError, OverflowError) as error:  # an escape beyond Unicode
        raise PolicyError(f"not YAML: {shown(str(error))}", where=filename) from error
    if not isinstance(root, Table):
        where = f"{filename}:1:1"
        raise PolicyError("not a lock: keys and values are expected", where=where) from None
    return root


class _Builder:
    """Nodes, put together as their events come."""

    def __init__(self, problems: Problems) -> None:
        self.root: Node | None = None
        self._problems = problems
        self._open: list[Items | Table] = []
        self._keys: list[str | None] = []
        """For each open table the key that waits for its value."""

    def begin(self, node: Items | Table) -> None:
        self._open.append(node)
        self._keys.append(None)
        if len(self._open) > _DEEPEST:
            raise PolicyError("nested too deeply for a lock", where=self._problems.where(node))

    def end(self) -> None:
        self._keys.pop()
        self.put(self._open.pop())

    def put(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Items):
            parent.items.append(node)
        elif self._keys[-1] is None:
            self._keys[-1] = self._key(node)
        else:
            parent.entries.setdefault(self._keys[-1], node)
            self._keys[-1] = None

    def _key(self, node: Node) -> str:
        key = node.text if isinstance(node, Text) else None
        parent = self._open[-1]
        if key is None:
            self._problems.note(node, "", "a key must be a word")
        elif isinstance(parent, Table) and key in parent.entries:
            self._problems.note(node, key, f"the key is there twice: `{shown(key)}`", "keep one of them")
        return key or ""


def _built(text: str, problems: Problems) -> Node | None:
    builder = _Builder(problems)
    for number, event in enumerate(yaml.parse(text, Loader=_LOADER)):
        mark = event.start_mark
        place = f"{mark.line + 1}:{mark.column + 1}" if mark is not None else "1:1"
        refused = "too many entries for a lock" if number > _MOST_EVENTS else _refused(event, builder)
        if refused is not None:
            raise PolicyError(refused, where=f"{problems.filename}:{place}", hint=_TOOL_S)
        if isinstance(event, yaml.ScalarEvent):
            is_null = event.value in _NULLS and not event.style
            builder.put(Text(place, None if is_null else event.value))
        elif isinstance(event, yaml.MappingStartEvent):
            builder.begin(Table(place, {}))
        elif isinstance(event, yaml.SequenceStartEvent):
            builder.begin(Items(place, []))
        elif isinstance(event, yaml.CollectionEndEvent):
            builder.end()
    return builder.root


def _refused(event: yaml.Event, builder: _Builder) -> str | None:
    """Why a document must not have this; None where it may."""
    if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)) and event.tag not in (None, "!"):
        return f"tags (`!name`) are not allowed: `{shown(event.tag)}`"
    if isinstance(event, yaml.AliasEvent):
        return "aliases (`*name`) are not allowed"
    if isinstance(event, yaml.DocumentStartEvent) and builder.root is not None:
        return "a second document"
    return None
