"""Where something is written, for formats that want file, line, column and key apart."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple

from msgspec.structs import replace

from envguard.domain.verdict import Verdict

_WHERE = re.compile(
    r"(?P<file>[^:].*?)(?::(?P<line>[1-9][0-9]{0,8}))?(?::(?P<column>[1-9][0-9]{0,8}))?(?:: (?P<key>.*))?",
    re.DOTALL,
)


class Whereabouts(NamedTuple):
    """A place, taken apart; None is what it does not say."""

    file: str | None = None
    line: int | None = None
    column: int | None = None
    key: str | None = None


def whereabouts(where: str | None) -> Whereabouts:
    """Answer the parts of ``rl-team.yaml:7:8: packages.gym``."""
    match = _WHERE.fullmatch(where or "")
    if match is None:
        return Whereabouts(file=where)
    line, column = (int(match[name]) if match[name] else None for name in ("line", "column"))
    return Whereabouts(match["file"], line, column, match["key"])


def file_and_line(place: str | None) -> tuple[str, int] | None:
    """Answer ``("rl-team.yaml", 7)`` for ``rl-team.yaml:7``; None where a place says no line."""
    found = whereabouts(place)
    return None if found.file is None or found.line is None else (found.file, found.line)


def with_ways_from(root: str, verdict: Verdict, folder: str | None) -> Verdict:
    """Answer the verdict with places that lead from a root to the policy's files.

    Findings name these as the policy does, from its own ``folder``; None for one of a server.
    """
    if folder is None:
        return verdict
    way = posixpath.relpath(folder, root)
    findings = tuple(
        each
        if each.place is None
        else replace(each, place=posixpath.normpath(posixpath.join(way, each.place)))
        for each in verdict.findings
    )
    return replace(verdict, findings=findings)
