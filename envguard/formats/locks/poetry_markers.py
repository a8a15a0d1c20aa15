"""Poetry's markers in the words of our locks: ``extra == "x"`` is an extra that somebody chooses.

Rules
1. In an entry of a flat lock the project's extras are meant: PEP 751 says ``"x" in extras``.
2. In what an entry of a graph asks for, the extras of that entry are meant, and which of them is known.
3. ``<empty>`` is Poetry's word for what never holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from envguard.domain.requirements import normalised_name

_EXTRA = re.compile(
    r"""\bextra\s*(?P<operator>==|!=)\s*(?P<quote>["'])(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?P=quote)"""
)
_EMPTY = "<empty>"
_ALWAYS, _NEVER = "python_version >= '0'", "python_version < '0'"


def written(marker: str | None) -> str:
    """Answer the marker in PEP 508's words; empty: always."""
    return _NEVER if marker == _EMPTY else marker or ""


def of_a_lock(marker: str) -> str:
    """Answer the marker with PEP 751's words for the project's extras."""

    def told(found: re.Match[str]) -> str:
        return f'"{normalised_name(found["name"])}" {"in" if found["operator"] == "==" else "not in"} extras'

    return _EXTRA.sub(told, marker)


def of_an_extra(marker: str, extra: str | None) -> str:
    """Answer the marker as it is where this extra of the entry is asked for, None: no extra."""

    def decided(found: re.Match[str]) -> str:
        is_it = extra is not None and normalised_name(found["name"]) == extra
        return _ALWAYS if is_it is (found["operator"] == "==") else _NEVER

    return _EXTRA.sub(decided, marker)


def of_a_group(group: str) -> str:
    """Answer the marker that holds where a group is chosen."""
    return f'"{group}" in dependency_groups'


def all_of(markers: Iterable[str | None]) -> str | None:
    """Answer the marker that holds where all of these do; None: always."""
    found = [marker for marker in markers if marker]
    return " and ".join(f"({marker})" for marker in found) if len(found) > 1 else "".join(found) or None


def any_of(markers: Iterable[str | None]) -> str | None:
    """Answer the marker that holds where one of these does; None: always."""
    found = list(dict.fromkeys(markers))
    told = [marker for marker in found if marker]
    if len(told) < len(found):
        return None
    return " or ".join(f"({marker})" for marker in told) if len(told) > 1 else "".join(told)
