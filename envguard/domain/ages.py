"""How long ago something was, as people say it."""

from __future__ import annotations

from datetime import datetime

_UNITS = ((2 * 86400, 86400, "days"), (3600, 3600, "h"), (60, 60, "min"))
"""From how many seconds on a unit is taken, how many it has, and its name."""


def age_text(then: datetime, now: datetime) -> str:
    """Answer such as ``2 h ago``; ``just now`` for under a minute, and for what is yet to come."""
    seconds = (now - then).total_seconds()
    for least, unit, name in _UNITS:
        if seconds >= least:
            return f"{int(seconds // unit)} {name} ago"
    return "just now"
