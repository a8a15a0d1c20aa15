"""Version specifiers in a policy: read, corrected, and asked whether any version could meet them.

Rules
1. Where one version is named exactly, that one must meet all the rest. Otherwise what is decided is decided
   for release numbers only (``1.26``, ``2.*``); of the rest nothing is said.
2. Where a specifier begins to hold, or holds again, is at a version that it names, just above one, or at the
   next of its kind; so these are tried, and where none is met no version is.
"""

from __future__ import annotations

import re

import yaml
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from envguard.domain.versions import allows
from envguard.formats.files import shown
from envguard.formats.nodes import Problems, is_empty, text_of

_LONGEST_SPECIFIER = 200
_DECIDABLE = re.compile(r"(===|~=|==|!=|<=|>=|<|>)(\d{1,9}(?:\.\d{1,9}){0,9})(\.\*)?", re.ASCII)


def specifier_of(node: yaml.Node, key: str, problems: Problems) -> str:
    """Answer a specifier set without blanks; empty for any version. What no version meets is noted."""
    if is_empty(node):
        return ""
    text = text_of(node, key, problems) or ""
    if text.strip() in ("", "*"):
        return ""
    try:
        if len(text) > _LONGEST_SPECIFIER or not str(SpecifierSet(text)):
            raise InvalidSpecifier(text)
    except (InvalidSpecifier, ValueError):  # ValueError: a number of over 4,300 digits
        what = f"not a version specifier: `{shown(text)}`"
        problems.add(node, key, what, _corrected(text, is_python=key.startswith("python")))
        return ""
    specifier = "".join(text.split())
    if excludes_everything(specifier):
        what = f"no version meets this: `{shown(text)}`"
        problems.add(node, key, what, "the parts between commas must all hold at once")
    return specifier


def excludes_everything(specifier: str) -> bool:
    """Whether certainly no version meets a specifier set."""
    pins = [pin for part in specifier.split(",") if (pin := _pinned(part)) is not None]
    if pins:
        return not any(allows(specifier, pin) for pin in pins)
    parts = [_DECIDABLE.fullmatch(part) for part in specifier.split(",") if part]
    named = [part[2] for part in parts if part is not None]
    if len(named) < len(parts) or not named:
        return False
    starts = ["0", *named, *map(_next, named)]
    tried = [*starts, *(f"{version}{'.0' * 10}.1" for version in starts)]
    return not any(allows(specifier, version) for version in tried)


def contradict(one: str, other: str) -> bool:
    """Whether certainly no version meets both specifier sets."""
    if not one or not other:
        return False
    pins = [(_pinned(one), other), (_pinned(other), one)]
    met = [allows(asked, version) for version, asked in pins if version is not None]
    return not any(met) if met else excludes_everything(f"{one},{other}")


def _pinned(specifier: str) -> str | None:
    is_pin = specifier.startswith("==") and "," not in specifier and not specifier.endswith(".*")
    return specifier.lstrip("=") if is_pin else None


def _next(version: str) -> str:
    head, dot, last = version.rpartition(".")
    return f"{head}{dot}{int(last) + 1}"


def _corrected(text: str, *, is_python: bool) -> str:
    bare = text.strip().lstrip("=~^ ")
    if not re.fullmatch(r"[0-9][\w.*+!]*", bare):
        return 'such as ">=3.10,<3.13"' if is_python else 'such as ">=1.26,<2"'
    wild = ".*" if is_python and bare.count(".") == 1 and not bare.endswith("*") else ""
    return f'did you mean "=={bare}{wild}"?'
