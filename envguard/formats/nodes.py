"""YAML with the line of every key: composed nodes, read one by one, all problems collected.

Rules
1. A key that occurs twice, an alias and a tag of its own are refused.
2. Problems are gathered in :class:`Problems` and raised once, in the order of their lines.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator

import yaml

from envguard.errors import PolicyError

_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{word}" for word in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp")
)


class Problems:
    """Everything that is wrong with one file."""

    def __init__(self, filename: str) -> None:
        """Name the file as errors shall name it."""
        self.filename = filename
        self._found: list[tuple[int, PolicyError]] = []

    def add(self, node: yaml.Node, key: str, what: str, hint: str | None = None) -> None:
        """Note one problem at the line of a node; ``key`` is the key's whole path."""
        line = line_of(node)
        where = f"{self.filename}:{line}" + (f": {key}" if key else "")
        self._found.append((line, PolicyError(what, where=where, hint=hint)))

    def raise_all(self) -> None:
        """Raise what was noted: itself where it is one, else one error that holds them all."""
        found = [error for _, error in sorted(self._found, key=lambda each: each[0])]
        if len(found) == 1:
            raise found[0]
        if found:
            raise PolicyError(f"{len(found)} problems", where=self.filename, problems=found)


def compose(text: str, filename: str) -> yaml.MappingNode:
    """Answer the root of a YAML document; raises PolicyError with line and column where it is broken."""
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise PolicyError("aliases (`*name`) are not allowed", where=filename, hint="write it out")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{filename}:{mark.line + 1}:{mark.column + 1}" if mark is not None else filename
        raise PolicyError(
            f"not YAML: {error.problem}", where=where, hint="look at the indentation"
        ) from error
    except yaml.YAMLError as error:
        raise PolicyError(f"not YAML: {str(error).splitlines()[0]}", where=filename) from error
    except RecursionError as error:
        raise PolicyError("nested too deeply", where=filename) from error
    if not isinstance(root, yaml.MappingNode):
        raise PolicyError("not a policy: keys and values are expected", where=filename, hint="envguard: 1")
    return root


def line_of(node: yaml.Node) -> int:
    """Answer the line that a node begins at, counted from 1."""
    return int(node.start_mark.line) + 1


def entries(
    node: yaml.Node, key: str, known: Iterable[str] | None, problems: Problems
) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Yield name, key node and value node of a mapping; unknown and repeated names are noted.

    ``known`` None takes every name.
    """
    if not isinstance(node, yaml.MappingNode):
        problems.add(node, key, f"keys and values are expected, not {_word(node)}")
        return
    names = None if known is None else sorted(known)
    seen: set[str] = set()
    for key_node, value in node.value:
        name = key_node.value if isinstance(key_node, yaml.ScalarNode) else ""
        path = f"{key}.{name}" if key else name
        if not name:
            problems.add(key_node, key, "a key must be a word")
        elif name in seen:
            problems.add(key_node, path, f"the key is there twice: `{name}`")
        elif names is not None and name not in names:
            problems.add(key_node, path, f"unknown key: `{name}`", nearest(name, names))
        else:
            seen.add(name)
            yield name, key_node, value


def text_of(node: yaml.Node, key: str, problems: Problems) -> str | None:
    """Answer a scalar's text as written; anything else is noted."""
    if isinstance(node, yaml.ScalarNode) and node.tag in _PLAIN_TAGS and not node.tag.endswith(":null"):
        return str(node.value)
    problems.add(node, key, f"a text is expected, not {_word(node)}")
    return None


def truth_of(node: yaml.Node, key: str, problems: Problems) -> bool:
    """Answer ``true`` or ``false``; anything else is noted."""
    if isinstance(node, yaml.ScalarNode) and node.value in ("true", "false"):
        return bool(node.value == "true")
    problems.add(node, key, "`true` or `false` is expected")
    return False


def word_of(node: yaml.Node, key: str, words: Iterable[str], problems: Problems) -> str | None:
    """Answer one of the words; anything else is noted, with the nearest of them."""
    text = text_of(node, key, problems)
    choices = list(words)
    if text is None or text in choices:
        return text
    problems.add(node, key, f"not one of {', '.join(choices)}: `{text}`", nearest(text, choices))
    return None


def items_of(node: yaml.Node, key: str, problems: Problems) -> list[tuple[str, yaml.Node]]:
    """Answer the items of a list with their key paths; anything else is noted."""
    if isinstance(node, yaml.SequenceNode):
        return [(f"{key}[{index}]", item) for index, item in enumerate(node.value)]
    problems.add(node, key, f"a list is expected, not {_word(node)}")
    return []


def nearest(word: str, words: Iterable[str]) -> str:
    """Answer a hint with the nearest right word, or all of them where none is near."""
    choices = list(words)
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.5)
    return f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(choices)}"


def _word(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "keys and values"
    return "a list" if isinstance(node, yaml.SequenceNode) else f"`{node.value}`"
