"""envguard as people have it: its wheel in an environment of its own, without what its developers need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.large import KEPT

_ROOT = Path(__file__).resolve().parent.parent


def installed_envguard() -> list[str]:
    """Install this checkout beside the other environments that are kept; answer the command that runs it."""
    folder = KEPT / "installed"
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True)
    install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(folder), str(_ROOT)]
    subprocess.run(install, check=True)
    return [str(folder / "bin" / "envguard")]
