"""YAML with the line and column of every key: composed nodes, read one by one, all problems collected.

Rules
1. A key that occurs twice, an alias, a tag that is written out, and deep nesting are refused.
2. Problems are gathered in :class:`Problems` and raised once: this file's first, then those of the files that
   it extends, each in the order of lines and columns.
3. A node carries the name of its file, so that nodes of several files can be read as one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import yaml
from yaml.reader import ReaderError

from envguard.domain.nearest import nearest
from envguard.errors import PolicyError
from envguard.formats.files import has_controls, is_encodable, raise_all, shown

_DEEPEST = 30
_MOST_NODES = 20_000
"""Ten times what the largest team writes, read in 0.3 s."""
_MOST_PROBLEMS = 100
"""Nobody reads more of them at once; the rest is not looked for."""
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)
_NULL, _BOOL = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool"


class Place(NamedTuple):
    """Where something is written."""

    filename: str
    line: int
    """Counted from 1."""
    column: int
    """Counted from 1, in characters."""

    def __str__(self) -> str:
        """As compilers write it."""
        return f"{self.filename}:{self.line}:{self.column}"


class Problems:
    """Everything that is wrong with a policy."""

    def __init__(self, filename: str, *, is_whole: bool = True) -> None:
        """Name the file as errors shall name it.

        Of a file that is only a part, laid under another, nothing is missed: the other may have it.
        """
        self.filename = filename
        self.is_whole = is_whole
        self.places: dict[str, Place] = {}
        """Where each key path was met, the first of equals."""
        self.found: dict[tuple[str | None, str], tuple[tuple[int, Place], PolicyError]] = {}
        """What was noted, by place and words, with its rank."""

    def add(self, node: yaml.Node, key: str, what: str, hint: str | None = None) -> None:
        """Note one problem at a node; ``key`` is its whole path. The hundredth raises them all."""
        self._add(place_of(node), key, what, hint)

    def add_at(self, key: str, what: str, hint: str | None = None) -> None:
        """Note one problem at the place where a key path was met."""
        self._add(self.places[key], key, what, hint)

    def add_missing(self, node: yaml.Node, key: str, what: str, hint: str | None = None) -> None:
        """Note that something is not there, where the whole policy is known."""
        if self.is_whole:
            self.add(node, key, what, hint)

    def take(self, error: PolicyError, place: Place | None = None) -> None:
        """Note an error of elsewhere, or all that it holds, at a place of these files.

        None is after everything: it is of another file, and in its own order.
        """
        for each in error.problems or (error,):
            self._keep(place or Place("", len(self.found), 0), each)

    def absorb(self, part: Problems) -> None:
        """Note what is wrong with a part; what is known already is not noted twice."""
        self.found = {**part.found, **self.found}
        self.places = {**part.places, **self.places}

    def met(self, key: str, node: yaml.Node) -> None:
        """Remember where a key path stands."""
        self.places.setdefault(key, place_of(node))

    def raise_all(self) -> None:
        """Raise what was noted, in order; nothing where nothing was."""
        found = sorted(self.found.values(), key=lambda each: each[0])
        raise_all([error for _, error in found], self.filename)

    def _add(self, place: Place, key: str, what: str, hint: str | None) -> None:
        where = f"{place}: {shown(key)}" if key else str(place)
        self._keep(place, PolicyError(what, where=where, hint=hint))

    def _keep(self, place: Place, error: PolicyError) -> None:
        rank = 0 if place.filename == self.filename else 1 if place.filename else 2
        self.found.setdefault((error.where, error.what), ((rank, place), error))
        if len(self.found) == _MOST_PROBLEMS:
            self.raise_all()


def compose(text: str, filename: str) -> yaml.MappingNode:
    """Answer the root of a YAML document; raises PolicyError with line and column where it is broken."""
    try:
        loader = _Strict(text)
        loader.name = filename
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise _broken(error, filename) from error
    except ReaderError as error:
        before = text[: error.position]
        where = f"{filename}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
        what = f"a character that YAML does not allow: U+{ord(text[error.position]):04X}"
        raise PolicyError(what, where=where, hint="save the file as plain UTF-8 text") from error
    except (ValueError, OverflowError) as error:  # an escape beyond Unicode
        raise PolicyError(f"not YAML: {shown(str(error))}", where=filename) from error
    if not isinstance(root, yaml.MappingNode):
        what = "not a policy: keys and values are expected"
        raise PolicyError(what, where=f"{filename}:1:1", hint="begin the file with `envguard: 1`")
    return root


def place_of(node: yaml.Node) -> Place:
    """Answer where a node begins."""
    mark = node.start_mark
    return Place(str(mark.name), int(mark.line) + 1, int(mark.column) + 1)


def is_empty(node: yaml.Node) -> bool:
    """Whether nothing is written, or ``null``."""
    return isinstance(node, yaml.ScalarNode) and node.tag == _NULL


def entries(
    node: yaml.Node, key: str, known: Iterable[str] | None, problems: Problems
) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Yield name, key node and value node of a mapping; unknown and repeated names are noted.

    ``known`` None takes every name.
    """
    if not isinstance(node, yaml.MappingNode):
        problems.add(node, key, f"keys and values are expected, not {_word(node)}")
        return
    names = None if known is None else list(known)
    seen: set[str] = set()
    for key_node, value in node.value:
        name = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
        path = f"{key}.{name}" if key else name
        if not name:
            problems.add(key_node, key, "a key must be a word")
        elif name in seen:
            problems.add(key_node, path, f"the key is there twice: `{shown(name)}`", "keep one of them")
        elif names is not None and name not in names:
            problems.add(key_node, path, f"unknown key: `{shown(name)}`", right_word(name, names))
        else:
            seen.add(name)
            problems.met(path, key_node)
            yield name, key_node, value


def value_at(root: yaml.MappingNode, name: str) -> yaml.Node | None:
    """Answer the value of a key; None where it is not there."""
    return next((value for key, value in root.value if key.value == name), None)


def fields_of(node: yaml.Node, key: str, known: Iterable[str], problems: Problems) -> dict[str, yaml.Node]:
    """Answer the value nodes of a mapping by their names; see :func:`entries`."""
    return {name: value for name, _, value in entries(node, key, known, problems)}


def text_of(node: yaml.Node, key: str, problems: Problems) -> str | None:
    """Answer a scalar's text as written; anything else, and nothing at all, is noted."""
    if not isinstance(node, yaml.ScalarNode) or is_empty(node):
        problems.add(node, key, f"a text is expected, not {_word(node)}")
        return None
    text = str(node.value)
    if not is_encodable(text) or has_controls(text):
        problems.add(node, key, f"control characters in a text: `{shown(text)}`")
        return None
    return text


def words_of(node: yaml.Node, key: str, problems: Problems) -> str | None:
    """Answer a scalar's text that says something; blanks alone are noted."""
    text = text_of(node, key, problems)
    if text is not None and not text.strip():
        problems.add(node, key, "a text is expected, not nothing")
        return None
    return text


def truth_of(node: yaml.Node, key: str, problems: Problems) -> bool:
    """Answer ``true`` or ``false``; anything else is noted."""
    if isinstance(node, yaml.ScalarNode) and node.tag == _BOOL and node.value in ("true", "false"):
        return bool(node.value == "true")
    problems.add(node, key, f"`true` or `false` is expected, not {_word(node)}")
    return False


def number_of(node: yaml.Node, key: str, problems: Problems, *, least: int) -> int | None:
    """Answer a whole number of at most nine digits; anything else, and what is below ``least``, is noted."""
    if isinstance(node, yaml.ScalarNode) and _NUMBER.fullmatch(node.value) and int(node.value) >= least:
        return int(node.value)
    problems.add(node, key, f"a whole number from {least} to 999999999 is expected, not {_word(node)}")
    return None


def word_of(node: yaml.Node, key: str, words: Iterable[str], problems: Problems) -> str | None:
    """Answer one of the words; anything else is noted, with the nearest of them."""
    text = text_of(node, key, problems)
    choices = list(words)
    if text is None or text in choices:
        return text
    problems.add(node, key, f"not one of {', '.join(choices)}: `{shown(text)}`", right_word(text, choices))
    return None


def items_of(
    node: yaml.Node, key: str, problems: Problems, *, may_be_empty: bool = False
) -> list[tuple[str, yaml.Node]]:
    """Answer the items of a list with their key paths; anything else, and an empty list, is noted.

    Where items of several files were put into one list, each file's are counted by themselves.
    """
    if not isinstance(node, yaml.SequenceNode):
        problems.add(node, key, f"a list is expected, not {_word(node)}")
        return []
    if not node.value and not may_be_empty:
        problems.add(node, key, "the list is empty", "take the key out")
    counted: Counter[str] = Counter()
    found = []
    for item in node.value:
        filename = place_of(item).filename
        path = f"{key}[{counted[filename]}]"
        counted[filename] += 1
        problems.met(path, item)
        found.append((path, item))
    return found


def right_word(word: str, words: Sequence[str]) -> str:
    """Answer a hint with the nearest right word, or all of them where none is near."""
    near = nearest(word, words)
    return f"did you mean `{near}`?" if near is not None else f"known here: {', '.join(words)}"


class _Strict(yaml.SafeLoader):
    """Composes nodes, and refuses what makes a short text large or strange: aliases, tags, nesting."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._nodes = 0
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: object) -> yaml.Node | None:
        """Compose the next node; raises PolicyError for what no policy has."""
        event = self.peek_event()  # type: ignore[no-untyped-call]  # the stubs leave it out
        mark = event.start_mark
        where = f"{mark.name}:{mark.line + 1}:{mark.column + 1}"
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise PolicyError("too many entries for a policy", where=where)
        if isinstance(event, yaml.AliasEvent):
            hint = 'write it out; the text `*` stands in quotes: "*"'
            raise PolicyError("aliases (`*name`) are not allowed", where=where, hint=hint)
        if event.tag not in (None, "!"):
            what = f"tags (`!name`) are not allowed: `{shown(event.tag)}`"
            raise PolicyError(what, where=where, hint="take it out")
        if self._depth == _DEEPEST:
            raise PolicyError("nested too deeply for a policy", where=where)
        self._depth += 1
        try:
            return super().compose_node(parent, index)  # type: ignore[arg-type]  # the stubs know numbers only
        finally:
            self._depth -= 1


def _broken(error: yaml.MarkedYAMLError, filename: str) -> PolicyError:
    mark = error.problem_mark or error.context_mark
    where = f"{filename}:{mark.line + 1}:{mark.column + 1}" if mark is not None else filename
    hint = "look at the indentation and the quotes"
    if error.context is not None and "alias" in error.context:
        hint = 'a `*` stands in quotes: "*"'
    elif error.problem is not None and "'\\t'" in error.problem:
        hint = "YAML is indented with blanks, never with tabs"
    return PolicyError(f"not YAML: {shown(error.problem or str(error))}", where=where, hint=hint)


def _word(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "keys and values"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return "nothing" if is_empty(node) else f"`{shown(str(node.value))}`"
