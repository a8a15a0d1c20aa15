"""The process that scans, short-lived: ``python -m envguard.agent.child DEADLINE_S STATE PLACES [ROOT ...]``.

It reads all that is other people's (environments, markers, the policies of projects, what owners bound), so
that a file or a mount which hangs costs one scan. It writes the bound scan as JSON to its standard output,
and to the descriptor PLACES each path before it looks there. It is the least important process of the
machine.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from envguard.agent.hangs import places_to_avoid
from envguard.agent.integrity import with_integrity
from envguard.agent.memories import keep_memories, read_memories
from envguard.agent.notes import Noting, keep_notes
from envguard.errors import EnvguardError
from envguard.inventory import scan_machine
from envguard.inventory.freshness import Memories
from envguard.log import configure
from envguard.runs.bindings import bind_scan, bound_places, uses_noted
from envguard.state import State


def main(arguments: list[str]) -> int:
    """Scan below the roots, or the homes where none is given, and answer the exit code."""
    with contextlib.suppress(OSError):
        os.nice(10)
    configure()
    deadline_s, state, places, *roots = arguments
    try:
        began_at_s = time.time()
        kept = State(Path(state))
        tops = [Path(root) for root in roots] or None
        known = read_memories(kept)
        memories = Memories(known)
        scan = scan_machine(
            tops,
            bound=bound_places(kept),
            deadline_s=float(deadline_s),
            progress=lambda path: _tell(int(places), path),
            read=memories.read,
            avoid=places_to_avoid(kept, now=datetime.now(timezone.utc)),
        )
        keep_memories(kept, memories.kept, known=known)
        _tell(int(places), "")
        noting = Noting()
        bound = bind_scan(scan, uses_noted(kept, noting.note), noting.note)
        evidence = keep_notes(
            kept, bound.scan, memories.kept, noting, began_at_s=began_at_s, boot=memories.boot
        )
        bound = msgspec.structs.replace(bound, evidence=evidence)
        bound = with_integrity(bound, kept, now=datetime.now(timezone.utc))
    except EnvguardError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.buffer.write(msgspec.json.encode(bound))
    sys.stdout.buffer.flush()
    return 0


def _tell(places: int, path: str) -> None:
    os.write(places, os.fsencode(path) + b"\0")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
