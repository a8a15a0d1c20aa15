"""Environment markers as nearly all of them are written, decided at once; the others are packaging's.

Rules (PEP 508, "Environment Markers")
1. ``and`` binds closer than ``or``; brackets group.
2. The variables of versions are compared as versions, all others as text, for which only ``==``, ``!=``,
   ``in`` and ``not in`` are plain.
3. A part that is not plain leaves the whole undecided, unless the other parts decide it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from envguard.domain.plain import plain_allows

_TOKEN = re.compile(
    r"\s*(?:(?P<bracket>[()])|(?P<joint>and|or)\b|"
    r"(?P<name>[a-z_]+)\s*(?P<operator>[<>=!~]=|[<>]|in\b|not\s+in\b)\s*"
    r"(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'))"
)
_OF_VERSIONS = frozenset({"python_version", "python_full_version", "implementation_version"})
_DEEPEST = 20


def plain_holds(marker: str, values: Mapping[str, str]) -> bool | None:
    """Whether a marker holds for these values; None where that is not plain."""
    tokens = _tokens(marker)
    if tokens is None:
        return None
    try:
        answer, end = _any_of(tokens, 0, values, 0)
    except _NotPlainError:
        return None
    return answer if end == len(tokens) else None


class _NotPlainError(Exception):
    """The marker is not built as markers are."""


def _tokens(marker: str) -> list[re.Match[str]] | None:
    tokens: list[re.Match[str]] = []
    position, end = 0, len(marker.rstrip())
    while position < end:
        token = _TOKEN.match(marker, position)
        if token is None:
            return None
        tokens.append(token)
        position = token.end()
    return tokens


def _any_of(
    tokens: list[re.Match[str]], position: int, values: Mapping[str, str], depth: int
) -> tuple[bool | None, int]:
    answers: list[bool | None] = []
    while True:
        answer, position = _all_of(tokens, position, values, depth)
        answers.append(answer)
        if position >= len(tokens) or tokens[position]["joint"] != "or":
            break
        position += 1
    if True in answers:
        return True, position
    return (None if None in answers else False), position


def _all_of(
    tokens: list[re.Match[str]], position: int, values: Mapping[str, str], depth: int
) -> tuple[bool | None, int]:
    answers: list[bool | None] = []
    while True:
        answer, position = _one(tokens, position, values, depth)
        answers.append(answer)
        if position >= len(tokens) or tokens[position]["joint"] != "and":
            break
        position += 1
    if False in answers:
        return False, position
    return (None if None in answers else True), position


def _one(
    tokens: list[re.Match[str]], position: int, values: Mapping[str, str], depth: int
) -> tuple[bool | None, int]:
    if position >= len(tokens) or depth > _DEEPEST:
        raise _NotPlainError
    token = tokens[position]
    if token["name"]:
        return _clause_holds(token, values), position + 1
    if token["bracket"] != "(":
        raise _NotPlainError
    answer, position = _any_of(tokens, position + 1, values, depth + 1)
    if position >= len(tokens) or tokens[position]["bracket"] != ")":
        raise _NotPlainError
    return answer, position + 1


def _clause_holds(clause: re.Match[str], values: Mapping[str, str]) -> bool | None:
    value = values.get(clause["name"])
    if value is None:
        return None
    asked = clause["single"] if clause["double"] is None else clause["double"]
    match clause["operator"]:
        case "in":
            return value in asked
        case "==" | "!=" as operator if clause["name"] not in _OF_VERSIONS:
            return (value == asked) is (operator == "==")
        case operator if clause["name"] in _OF_VERSIONS and not operator.endswith("in"):
            return plain_allows(operator + asked, value)
        case operator:
            return value not in asked if operator.startswith("not") else None
