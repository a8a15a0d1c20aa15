"""Where an agent's verdict files are, and when it trusts what it sees."""

from __future__ import annotations

import time
from pathlib import Path

from envguard.state.runtime import verdict_file_name

SETTLED_S = 1.05
"""What changed within the last second is not trusted."""


def settle() -> None:
    time.sleep(SETTLED_S)


def file_about(runtime: Path, env: Path) -> Path:
    return runtime / "verdicts" / verdict_file_name(str(env))
