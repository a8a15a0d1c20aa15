"""When something holds, as functions of single comparisons: joined, compared, and told as a marker again.

Rules
1. Each comparison of a marker (``sys_platform == "win32"``) is one variable, true or false by itself.
2. ``!=`` is what ``==`` is not, ``not in`` what ``in`` is not, and of ``python_version``, which is never a
   pre-release, ``<`` what ``>=`` is not. ``python_full_version`` may be one (``3.13.0rc1``), of which neither
   holds: there, they are two variables. Where the contrary of one must be told all the same (only graphs with
   several entries of a name need it, which Poetry wrote before 2.0), it is told as the other.
3. Equal functions are one number, so that "always" and "as before" are seen at once (R. Bryant, "Graph-Based
   Algorithms for Boolean Function Manipulation", 1986). A function is told as its shortest alternatives
   (S. Minato, "Fast Generation of Irredundant Sum-of-Products Forms", 1992).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, NewType

Condition = NewType("Condition", int)
"""A function's number; of one :class:`Conditions` only."""

NEVER = Condition(0)
ALWAYS = Condition(1)
NEVER_IN_WORDS = 'python_version < "0"'

_VALUE = r"\"[^\"]*\"|'[^']*'|[A-Za-z_][A-Za-z0-9_.]*"
_TOKEN = re.compile(
    r"\s*(?:(?P<bracket>[()])|(?P<joint>and|or)\b|"
    rf"(?P<left>{_VALUE})\s*(?P<operator>===|[<>=!~]=|[<>]|in\b|not\s+in\b)\s*(?P<right>{_VALUE}))"
)
_TURNED = {"==": "!=", "in": "not in", "<": ">=", ">": "<=", "<=": ">", ">=": "<", "!=": "==", "not in": "in"}
_ALWAYS_TURNED = ("!=", "not in")
_TURNED_OF_MINORS = ("!=", "not in", "<", ">")
_DEEPEST = 100
_MOST_VARIABLES = 300
_MOST_NODES = 200_000
_MOST_TERMS = 2_000


class TooManyConditionsError(Exception):
    """Nobody could read such a marker, nor could it be worked out in time."""


class Comparison(NamedTuple):
    """One comparison of a marker, with double quotes around what is quoted."""

    left: str
    operator: str
    right: str

    def __str__(self) -> str:
        """The comparison as markers write it."""
        return f"{self.left} {self.operator} {self.right}"


_Node = tuple[int, Condition, Condition]
"""A variable, what remains where it is false, and where it is true."""
_Literal = tuple[int, bool]
_Term = tuple[_Literal, ...]
_Cover = tuple[tuple[_Term, ...], Condition]
Meaning = Callable[[Comparison], Condition | None]
"""What a comparison means that is none of the environment's; None for all others."""


def _as_it_is(_: Comparison) -> Condition | None:
    return None


class Conditions:
    """All functions that are spoken of together."""

    def __init__(self) -> None:
        """Begin with "never" and "always"."""
        self._variables: list[Comparison] = []
        self._numbers: dict[Comparison, int] = {}
        self._nodes: list[_Node] = [(_MOST_VARIABLES, NEVER, NEVER), (_MOST_VARIABLES, ALWAYS, ALWAYS)]
        self._known: dict[_Node, Condition] = {}
        self._chosen: dict[tuple[Condition, Condition, Condition], Condition] = {}
        self._covers: dict[tuple[Condition, Condition], _Cover] = {}

    def of_marker(self, marker: str, meaning: Meaning = _as_it_is) -> Condition:
        """Answer when a marker holds; ``meaning`` is asked first about each comparison.

        Raises TooManyConditionsError, also for what is no marker.
        """
        tokens = list(_tokens(marker))
        found, end = self._any_of(tokens, 0, meaning, 0)
        if end != len(tokens):
            raise TooManyConditionsError(f"not a marker: `{marker}`")
        return found

    def of(self, comparison: Comparison) -> Condition:
        """Answer when one comparison holds."""
        turned = _TURNED_OF_MINORS if comparison.left == "python_version" else _ALWAYS_TURNED
        if comparison.operator in turned:
            return self.no(self.of(comparison._replace(operator=_TURNED[comparison.operator])))
        if comparison not in self._numbers:
            if len(self._variables) + 1 >= _MOST_VARIABLES:
                raise TooManyConditionsError(f"over {_MOST_VARIABLES} different comparisons")
            self._numbers[comparison] = len(self._variables)
            self._variables.append(comparison)
        return self._node(self._numbers[comparison], NEVER, ALWAYS)

    def no(self, condition: Condition) -> Condition:
        """Answer when it does not hold."""
        return self._if(condition, NEVER, ALWAYS)

    def both(self, one: Condition, other: Condition) -> Condition:
        """Answer when both hold."""
        return self._if(one, other, NEVER)

    def either(self, one: Condition, other: Condition) -> Condition:
        """Answer when one of them holds, or both."""
        return self._if(one, ALWAYS, other)

    def marker(self, condition: Condition) -> str | None:
        """Answer the marker that says it; None: always. Raises TooManyConditionsError."""
        if condition == ALWAYS:
            return None
        if condition == NEVER:
            return NEVER_IN_WORDS
        terms, _ = self._cover(condition, condition)
        parts = sorted({" and ".join(dict.fromkeys(map(self._words, term))) for term in terms})
        return parts[0] if len(parts) == 1 else " or ".join(f"({part})" for part in parts)

    def _words(self, literal: _Literal) -> str:
        comparison = self._variables[literal[0]]
        if literal[1]:
            return str(comparison)
        if comparison.operator not in _TURNED:
            raise TooManyConditionsError(f"the contrary of `{comparison}` has no words")
        return str(comparison._replace(operator=_TURNED[comparison.operator]))

    def _node(self, variable: int, low: Condition, high: Condition) -> Condition:
        if low == high:
            return low
        node = (variable, low, high)
        found = self._known.get(node)
        if found is None:
            if len(self._nodes) >= _MOST_NODES:
                raise TooManyConditionsError("too many cases")
            found = self._known[node] = Condition(len(self._nodes))
            self._nodes.append(node)
        return found

    def _if(self, condition: Condition, then: Condition, other: Condition) -> Condition:
        if condition in (ALWAYS, NEVER):
            return then if condition == ALWAYS else other
        if then == other:
            return then
        if (then, other) == (ALWAYS, NEVER):
            return condition
        key = (condition, then, other)
        found = self._chosen.get(key)
        if found is None:
            first = min(self._nodes[each][0] for each in key)
            low, high = zip(*(self._halves(each, first) for each in key), strict=True)
            found = self._chosen[key] = self._node(first, self._if(*low), self._if(*high))
        return found

    def _halves(self, condition: Condition, variable: int) -> tuple[Condition, Condition]:
        own, low, high = self._nodes[condition]
        return (low, high) if own == variable else (condition, condition)

    def _cover(self, lower: Condition, upper: Condition) -> _Cover:
        """Terms that hold where ``lower`` does and only where ``upper`` does, and when they hold."""
        if lower == NEVER:
            return (), NEVER
        if upper == ALWAYS:
            return ((),), ALWAYS
        key = (lower, upper)
        if key not in self._covers:
            self._covers[key] = self._split_cover(lower, upper)
        return self._covers[key]

    def _split_cover(self, lower: Condition, upper: Condition) -> _Cover:
        first = min(self._nodes[lower][0], self._nodes[upper][0])
        lower_low, lower_high = self._halves(lower, first)
        upper_low, upper_high = self._halves(upper, first)
        of_low, low = self._cover(self.both(lower_low, self.no(upper_high)), upper_low)
        of_high, high = self._cover(self.both(lower_high, self.no(upper_low)), upper_high)
        left = self.either(self.both(lower_low, self.no(low)), self.both(lower_high, self.no(high)))
        of_both, both = self._cover(left, self.both(upper_low, upper_high))
        terms = (
            *(((first, False), *term) for term in of_low),
            *(((first, True), *term) for term in of_high),
            *of_both,
        )
        if len(terms) > _MOST_TERMS:
            raise TooManyConditionsError(f"over {_MOST_TERMS} alternatives")
        return terms, self.either(both, self._node_of(first, low, high))

    def _node_of(self, variable: int, low: Condition, high: Condition) -> Condition:
        return self._if(self._node(variable, NEVER, ALWAYS), high, low)

    def _any_of(
        self, tokens: list[re.Match[str]], position: int, meaning: Meaning, depth: int
    ) -> tuple[Condition, int]:
        found, position = self._all_of(tokens, position, meaning, depth)
        while position < len(tokens) and tokens[position]["joint"] == "or":
            other, position = self._all_of(tokens, position + 1, meaning, depth)
            found = self.either(found, other)
        return found, position

    def _all_of(
        self, tokens: list[re.Match[str]], position: int, meaning: Meaning, depth: int
    ) -> tuple[Condition, int]:
        found, position = self._one(tokens, position, meaning, depth)
        while position < len(tokens) and tokens[position]["joint"] == "and":
            other, position = self._one(tokens, position + 1, meaning, depth)
            found = self.both(found, other)
        return found, position

    def _one(
        self, tokens: list[re.Match[str]], position: int, meaning: Meaning, depth: int
    ) -> tuple[Condition, int]:
        token = tokens[position] if position < len(tokens) else None
        if token is None or depth > _DEEPEST or token["joint"] or token["bracket"] == ")":
            raise TooManyConditionsError("not a marker, or nested too deeply")
        if token["left"]:
            comparison = _comparison(token)
            said = meaning(comparison)
            return (self.of(comparison) if said is None else said), position + 1
        found, position = self._any_of(tokens, position + 1, meaning, depth + 1)
        if position >= len(tokens) or tokens[position]["bracket"] != ")":
            raise TooManyConditionsError("not a marker: a bracket is open")
        return found, position + 1


def _tokens(marker: str) -> Iterator[re.Match[str]]:
    position, end = 0, len(marker.rstrip())
    while position < end:
        token = _TOKEN.match(marker, position)
        if token is None:
            raise TooManyConditionsError(f"not a marker: `{marker}`")
        yield token
        position = token.end()


def _comparison(token: re.Match[str]) -> Comparison:
    operator = " ".join(token["operator"].split())
    return Comparison(_quoted(token["left"]), operator, _quoted(token["right"]))


def _quoted(value: str) -> str:
    if value[:1] == "'" and '"' not in value:
        return f'"{value[1:-1]}"'
    return value
