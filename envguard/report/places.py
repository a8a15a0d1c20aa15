"""Where a finding's rule is written, for formats that want file and line apart."""

from __future__ import annotations

import re

_PLACE = re.compile(r"(?P<file>[^:].*?):(?P<line>[1-9][0-9]{0,8})", re.DOTALL)


def file_and_line(place: str | None) -> tuple[str, int] | None:
    """Answer ``("rl-team.yaml", 7)`` for ``rl-team.yaml:7``; None where a place is not of that form."""
    match = _PLACE.fullmatch(place or "")
    return (match["file"], int(match["line"])) if match else None
