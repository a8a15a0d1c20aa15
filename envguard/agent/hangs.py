"""Where scans hung: such a place costs one scan, and not all that come after it.

Rules
1. A place at which a scan hung is avoided for an hour, and is unread for that time; then it is asked again.
2. What is kept is the place as the file system has it: names need be no text.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from envguard.errors import StateError
from envguard.log import get_log
from envguard.state import KeptHang, State

AVOIDED_FOR = timedelta(hours=1)
"""A file server that was away for lunch is back after this."""

_AT_MOST = 100

_log = get_log(__name__)


def places_to_avoid(state: State, *, now: datetime) -> frozenset[str]:
    """Answer where no scan is to look just now."""
    return frozenset(os.fsdecode(hang.path) for hang in _recent(state, now))


def remember_hang(state: State, path: str, *, now: datetime) -> None:
    """Keep that a scan hung at this path; where that cannot be kept, the next one may hang there, too."""
    others = [hang for hang in _recent(state, now) if hang.path != os.fsencode(path)]
    try:
        state.keep_hangs([*others, KeptHang(path=os.fsencode(path), at=now)][-_AT_MOST:])
    except StateError as error:
        _log.warning("hang_not_kept", reason=str(error))


def _recent(state: State, now: datetime) -> list[KeptHang]:
    """Those that still count; one that lies in the future was told by a wrong clock."""
    try:
        hangs = state.hangs()
    except StateError as error:
        _log.warning("kept_hangs_broken", reason=str(error))
        return []
    return [hang for hang in hangs if timedelta(0) <= now - hang.at < AVOIDED_FOR]
