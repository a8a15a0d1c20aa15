"""YAML with the line of every key: composed nodes, read one by one, all problems collected.

Rules
1. A key that occurs twice, an alias, a tag that is written out, and deep nesting are refused.
2. Problems are gathered in :class:`Problems` and raised once, in the order of their lines.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence

import yaml
from yaml.reader import ReaderError

from envguard.domain.nearest import nearest
from envguard.errors import PolicyError
from envguard.formats.files import is_encodable, raise_all, shown

_DEEPEST = 30
_MOST_EVENTS = 20_000
"""Beginnings, ends and scalars of a document: ten times what the largest team writes, read in 0.3 s."""
_MOST_PROBLEMS = 100
"""Nobody reads more of them at once; the rest is not looked for."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NULL, _BOOL = "tag:yaml.org,2002:null", "tag:yaml.org,2002:bool"


class Problems:
    """Everything that is wrong with one file."""

    def __init__(self, filename: str) -> None:
        """Name the file as errors shall name it."""
        self.filename = filename
        self._found: list[tuple[int, PolicyError]] = []

    def add(self, node: yaml.Node, key: str, what: str, hint: str | None = None) -> None:
        """Note one problem at the line of a node; ``key`` its whole path. The hundredth raises them all."""
        line = line_of(node)
        where = f"{self.filename}:{line}" + (f": {shown(key)}" if key else "")
        self._found.append((line, PolicyError(what, where=where, hint=hint)))
        if len(self._found) == _MOST_PROBLEMS:
            self.raise_all()

    def take(self, error: PolicyError, place: str | None = None) -> None:
        """Note an error of elsewhere, or all that it holds, at a place ``FILE:LINE`` of this file.

        None is after everything: it is of another file.
        """
        line = int(place.rpartition(":")[2]) if place is not None else sys.maxsize
        self._found.extend((line, each) for each in error.problems or (error,))

    def raise_all(self) -> None:
        """Raise what was noted, in the order of the lines; nothing where nothing was."""
        raise_all([error for _, error in sorted(self._found, key=lambda each: each[0])], self.filename)


def compose(text: str, filename: str) -> yaml.MappingNode:
    """Answer the root of a YAML document; raises PolicyError with line and column where it is broken."""
    try:
        _refuse_tricks(text, filename)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
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
        raise PolicyError(what, where=f"{filename}:1", hint="begin the file with `envguard: 1`")
    return root


def line_of(node: yaml.Node) -> int:
    """Answer the line that a node begins at, counted from 1."""
    return int(node.start_mark.line) + 1


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
            problems.add(key_node, path, f"unknown key: `{shown(name)}`", _right_word(name, names))
        else:
            seen.add(name)
            yield name, key_node, value


def text_of(node: yaml.Node, key: str, problems: Problems) -> str | None:
    """Answer a scalar's text as written; anything else, and nothing at all, is noted."""
    if not isinstance(node, yaml.ScalarNode) or is_empty(node):
        problems.add(node, key, f"a text is expected, not {_word(node)}")
        return None
    text = str(node.value)
    if not is_encodable(text) or _CONTROL.search(text):
        problems.add(node, key, f"control characters in a text: `{shown(text)}`")
        return None
    return text


def truth_of(node: yaml.Node, key: str, problems: Problems) -> bool:
    """Answer ``true`` or ``false``; anything else is noted."""
    if isinstance(node, yaml.ScalarNode) and node.tag == _BOOL and node.value in ("true", "false"):
        return bool(node.value == "true")
    problems.add(node, key, f"`true` or `false` is expected, not {_word(node)}")
    return False


def word_of(node: yaml.Node, key: str, words: Iterable[str], problems: Problems) -> str | None:
    """Answer one of the words; anything else is noted, with the nearest of them."""
    text = text_of(node, key, problems)
    choices = list(words)
    if text is None or text in choices:
        return text
    problems.add(node, key, f"not one of {', '.join(choices)}: `{shown(text)}`", _right_word(text, choices))
    return None


def items_of(node: yaml.Node, key: str, problems: Problems) -> list[tuple[str, yaml.Node]]:
    """Answer the items of a list with their key paths; anything else, and an empty list, is noted."""
    if not isinstance(node, yaml.SequenceNode):
        problems.add(node, key, f"a list is expected, not {_word(node)}")
        return []
    if not node.value:
        problems.add(node, key, "the list is empty", "take the key out")
    return [(f"{key}[{index}]", item) for index, item in enumerate(node.value)]


def _right_word(word: str, words: Sequence[str]) -> str:
    """Answer a hint with the nearest right word, or all of them where none is near."""
    near = nearest(word, words)
    return f"did you mean `{near}`?" if near is not None else f"known here: {', '.join(words)}"


def _refuse_tricks(text: str, filename: str) -> None:
    """Raise for what makes a short text large or strange: aliases, tags, nesting."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        mark = event.start_mark
        where = f"{filename}:{mark.line + 1}" if mark is not None else filename
        if number > _MOST_EVENTS:
            raise PolicyError("too many entries for a policy", where=where)
        if isinstance(event, yaml.AliasEvent):
            hint = 'write it out; the text `*` stands in quotes: "*"'
            raise PolicyError("aliases (`*name`) are not allowed", where=where, hint=hint)
        if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)) and event.tag not in (None, "!"):
            what = f"tags (`!name`) are not allowed: `{shown(event.tag)}`"
            raise PolicyError(what, where=where, hint="take it out")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise PolicyError("nested too deeply for a policy", where=where)


def _broken(error: yaml.MarkedYAMLError, filename: str) -> PolicyError:
    mark = error.problem_mark or error.context_mark
    where = f"{filename}:{mark.line + 1}:{mark.column + 1}" if mark is not None else filename
    is_star = error.context is not None and "alias" in error.context
    hint = 'a `*` stands in quotes: "*"' if is_star else "look at the indentation and the quotes"
    return PolicyError(f"not YAML: {shown(error.problem or str(error))}", where=where, hint=hint)


def _word(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "keys and values"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return "nothing" if is_empty(node) else f"`{shown(str(node.value))}`"
