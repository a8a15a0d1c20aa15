"""Poetry's own ways to ask for versions, told as PEP 440 and PEP 508 tell the same.

Rules
1. ``||`` parts alternatives; commas and blanks part what must hold together.
2. ``^1.2.3`` keeps the first part that is not zero, ``~1.2.3`` the first two parts. ``1.2.*`` and ``1.2`` are
   what they are in PEP 440 behind ``==``.
3. What is none of these asks for nothing: the lock was made by Poetry, which understood it.
"""

from __future__ import annotations

import re
from functools import lru_cache

from envguard.domain.versions import allows, is_specifier

_CLAUSE = re.compile(r"(~=|===|==|!=|<=|>=|<|>|=|\^|~|)\s*(\*|[0-9A-Za-z]+(?:[.+!_-][0-9A-Za-z]+)*(?:\.\*)?)")
_RELEASE = re.compile(r"v?(\d{1,9}(?:\.\d{1,9}){0,9})")
_LONGEST = 1_000

_Clauses = tuple[tuple[str, str], ...]
"""Operators and versions that must hold together."""


def specifiers(constraint: str) -> tuple[str, ...]:
    """Answer the specifier sets of which one must hold; none where any version will do."""
    return tuple(",".join(map("".join, clauses)) for clauses in _alternatives(constraint))


def is_allowed(constraint: str, version: str) -> bool:
    """Whether a version meets a constraint."""
    wanted = specifiers(constraint)
    return not wanted or any(allows(specifier, version) for specifier in wanted)


def python_marker(constraint: str) -> str | None:
    """Answer the marker of the Pythons that a constraint means; None where it means all.

    A version of two parts is compared with ``python_version``, as Poetry does it.
    """
    parts = [" and ".join(map(_python_clause, clauses)) for clauses in _alternatives(constraint)]
    return " or ".join(f"({part})" for part in parts) if len(parts) > 1 else "".join(parts) or None


def full_python_markers(constraint: str) -> tuple[str, ...]:
    """Answer the markers of which one must hold of a Python's whole version; none where any will do."""
    return tuple(
        " and ".join(f"python_full_version {operator} '{version}'" for operator, version in clauses)
        for clauses in _alternatives(constraint)
    )


@lru_cache(maxsize=4096)
def _alternatives(constraint: str) -> tuple[_Clauses, ...]:
    if len(constraint) > _LONGEST:
        return ()
    found = [_clauses(part) for part in re.split(r"\|\|?", constraint)]
    return tuple(found) if all(found) else ()


def _clauses(text: str) -> _Clauses:
    """What must hold together; nothing where anything may be, or nobody can say what."""
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(text):
        if text[position] in " \t,":
            position += 1
            continue
        clause = _CLAUSE.match(text, position)
        if clause is None:
            return ()
        found += _plain_clauses(clause[1], clause[2])
        position = clause.end()
    return tuple(found) if all(is_specifier("".join(each)) for each in found) else ()


def _plain_clauses(operator: str, version: str) -> list[tuple[str, str]]:
    if version == "*":
        return []
    if operator in ("^", "~"):
        return [(">=", version), ("<", _end_of(operator, version))]
    return [("==" if operator in ("", "=") else operator, version)]


def _end_of(operator: str, version: str) -> str:
    """The first version that ``^`` or ``~`` excludes."""
    release = _RELEASE.match(version)
    parts = [int(part) for part in release[1].split(".")] if release else [0]
    if operator == "~":
        kept = min(len(parts), 2) - 1
    else:
        kept = next((index for index, part in enumerate(parts) if part), len(parts) - 1)
    return ".".join(map(str, [*parts[:kept], parts[kept] + 1]))


def _python_clause(clause: tuple[str, str]) -> str:
    operator, version = clause
    is_short = version.removesuffix(".*").count(".") < 2
    return f"{'python_version' if is_short else 'python_full_version'} {operator} '{version}'"
