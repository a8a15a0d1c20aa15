"""What scans read is kept beside the state, so that the next scan reads only what changed.

Rules
1. It is only ever a saving: what is broken, or was written by another version, is read anew.
2. It is written when something changed: an idle machine writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from envguard import __version__
from envguard.errors import StateError
from envguard.inventory.freshness import READER, Memory
from envguard.log import get_log
from envguard.state import State, read_file, write_file

_FILE = "memories"

_log = get_log(__name__)


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    version: str
    reader: int
    memories: dict[str, Memory]


def read_memories(state: State) -> dict[str, Memory]:
    """Answer what earlier scans read, by the environment's path; nothing where it cannot be used."""
    try:
        content = read_file(state.path / _FILE)
        kept = msgspec.msgpack.decode(content, type=_Kept) if content is not None else None
    except (StateError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        _log.info("memories_unusable", reason=str(error))
        return {}
    is_ours = kept is not None and (kept.version, kept.reader) == (__version__, READER)
    return kept.memories if kept is not None and is_ours else {}


def keep_memories(state: State, memories: Mapping[str, Memory], *, known: Mapping[str, Memory]) -> None:
    """Keep what this scan read or found unchanged; ``known`` is what is kept already."""
    if memories == known:
        return
    kept = _Kept(version=__version__, reader=READER, memories=dict(memories))
    try:
        write_file(state.path / _FILE, msgspec.msgpack.encode(kept))
    except StateError as error:
        _log.warning("memories_not_kept", reason=str(error))
