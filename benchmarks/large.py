"""A large real environment: 428 distributions from an index, made once and kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PINS = Path(__file__).with_name("large.txt")
"""What is installed: notebooks, workflow engines, documentation and packaging tools with all they require."""

KEPT = Path(__file__).resolve().parent.parent / ".bench"
"""Where it is kept between runs, 900 MB; ``make clean`` removes it."""

_PYTHON = "3.11"
"""The pins are what an index gave for this version."""


def large_environment() -> Path:
    """Answer the environment's folder, made if need be; CalledProcessError where uv cannot make it."""
    folder = KEPT / "large"
    done = folder / "made-from.txt"
    if not done.exists() or done.read_text() != PINS.read_text():
        print(f"making an environment of {len(PINS.read_text().splitlines())} distributions, once")
        uv = str(Path(sys.executable).with_name("uv"))
        subprocess.run(
            [uv, "venv", "--quiet", "--clear", "--seed", "--python", _PYTHON, str(folder)], check=True
        )
        install = [uv, "pip", "install", "--quiet", "--no-deps", "--python", str(folder), "-r", str(PINS)]
        subprocess.run(install, check=True)
        done.write_text(PINS.read_text())
    return folder
