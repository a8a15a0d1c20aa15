"""The short-lived process that scans: ``python -m envguard.agent.child DEADLINE_S [ROOT ...]``.

It writes one scan as JSON to its standard output, and is the least important process of the machine.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import msgspec

from envguard.errors import EnvguardError
from envguard.inventory import scan_machine
from envguard.log import configure


def main(arguments: list[str]) -> int:
    """Scan below the roots, or the homes where none is given, and answer the exit code."""
    with contextlib.suppress(OSError):
        os.nice(10)
    configure()
    deadline_s, *roots = arguments
    try:
        scan = scan_machine([Path(root) for root in roots] or None, deadline_s=float(deadline_s))
    except EnvguardError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.buffer.write(msgspec.json.encode(scan))
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
