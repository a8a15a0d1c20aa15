"""Versions and specifiers as nearly all of them are written, decided at once; the others are packaging's.

Importing the reference implementation costs as much as reading 400 packages, and few versions need it.

Rules
1. A plain version is a normalised one without an epoch; an installed one may have a local part.
2. A plain clause compares with a plain version, or for ``==`` and ``!=`` with a plain prefix (``==1.2.*``).
3. Plain ones are decided as PEP 440 says, pre-releases allowed. For all others the answer is None.
"""

from __future__ import annotations

import re
from functools import lru_cache
from math import inf

import msgspec

_VERSION = re.compile(r"(\d+(?:\.\d+)*)(?:(a|b|rc)(\d+))?(?:\.post(\d+))?(?:\.dev(\d+))?", re.ASCII)
_LOCAL = re.compile(r"[a-z0-9]+(?:\.[a-z0-9]+)*", re.ASCII)
_CLAUSE = re.compile(r"(~=|==|!=|<=|>=|<|>)\s*([0-9][0-9a-z.]*?)(\.\*)?", re.ASCII)
_LONGEST = 40
"""More digits than any version has: what is longer is left to the reference, with its limits."""


class PlainVersion(msgspec.Struct, frozen=True, order=True):
    """The parts of a version in the order in which versions are compared."""

    release: tuple[int, ...]
    """Without zeros at its end."""
    pre: tuple[str, float]
    post: float
    dev: float

    @property
    def is_prerelease(self) -> bool:
        """Whether it is a pre-release or a development release."""
        return self.dev != inf or self.pre[0] in ("a", "b", "rc")

    @property
    def is_postrelease(self) -> bool:
        """Whether it is a post-release."""
        return self.post >= 0


@lru_cache(maxsize=16384)
def plain_version(text: str) -> PlainVersion | None:
    """Answer the parts of a plain version without a local part; None where it is not plain."""
    match = _VERSION.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    post = -1.0 if match[4] is None else int(match[4])
    dev = inf if match[5] is None else int(match[5])
    if match[2] is not None:
        pre: tuple[str, float] = (match[2], int(match[3]))
    else:
        pre = ("", -1) if match[4] is None and match[5] is not None else ("~", 0)
    return PlainVersion(_stripped(_numbers(match[1])), pre, post, dev)


def plain_allows(specifier: str, version: str) -> bool | None:
    """Whether an installed version meets a specifier set; None where either is not plain."""
    public, has_local, local = version.partition("+")
    installed = plain_version(public)
    if installed is None or (has_local and not _LOCAL.fullmatch(local)):
        return None
    is_allowed = True
    for clause in specifier.split(","):
        answer = _meets(clause.strip(), installed, public, has_local=bool(has_local))
        if answer is None:
            return None
        is_allowed = is_allowed and answer
    return is_allowed


def _meets(clause: str, installed: PlainVersion, public: str, *, has_local: bool) -> bool | None:
    match = _CLAUSE.fullmatch(clause)
    asked = plain_version(match[2]) if match else None
    if match is None or asked is None:
        return None
    operator = match[1]
    if match[3]:
        return _meets_prefix(operator, match[2], public)
    if operator == "~=":
        return _is_compatible(match[2], asked, installed, public)
    if operator == ">" and has_local:
        return None
    return _compared(operator, installed, asked)


def _compared(operator: str, installed: PlainVersion, asked: PlainVersion) -> bool | None:
    match operator:
        case "==":
            return installed == asked
        case "!=":
            return installed != asked
        case "<=":
            return installed <= asked
        case ">=":
            return installed >= asked
        case "<":
            is_apart = installed.is_prerelease and not asked.is_prerelease
            return _exclusive(asked, installed, is_apart=is_apart, is_beyond=installed < asked)
        case ">":
            is_apart = installed.is_postrelease and not asked.is_postrelease
            return _exclusive(asked, installed, is_apart=is_apart, is_beyond=installed > asked)
        case _:
            return None


def _exclusive(
    asked: PlainVersion, installed: PlainVersion, *, is_apart: bool, is_beyond: bool
) -> bool | None:
    """PEP 440, "Exclusive ordered comparison": 1.0rc1 is not meant by <1.0, nor 1.0.post1 by >1.0."""
    if not is_apart or installed.release != asked.release:
        return is_beyond
    is_final = not asked.is_prerelease and not asked.is_postrelease
    return False if is_final else None


def _meets_prefix(operator: str, prefix: str, public: str) -> bool | None:
    if operator not in ("==", "!=") or not prefix.replace(".", "").isdigit():
        return None
    return _begins_with(public, _numbers(prefix)) is (operator == "==")


def _is_compatible(text: str, asked: PlainVersion, installed: PlainVersion, public: str) -> bool | None:
    release = _release_of(text)
    if len(release) < 2:
        return None
    return installed >= asked and _begins_with(public, release[:-1])


def _begins_with(public: str, prefix: tuple[int, ...]) -> bool:
    release = _release_of(public)
    return (release + (0,) * len(prefix))[: len(prefix)] == prefix


def _release_of(text: str) -> tuple[int, ...]:
    match = _VERSION.fullmatch(text)
    return _numbers(match[1]) if match else ()


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def _stripped(numbers: tuple[int, ...]) -> tuple[int, ...]:
    end = len(numbers)
    while end > 1 and numbers[end - 1] == 0:
        end -= 1
    return numbers[:end]
