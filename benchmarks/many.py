"""A made environment of many packages: real files of the usual sizes, no network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PACKAGES = 415
"""As many as a researcher's environment with torch, jax and notebooks had."""

_DESCRIPTION = "A sentence about what this package is for, and how it is used.\n" * 120
"""8 kB: the median of what the index's most downloaded packages carry in METADATA."""


def make_many(folder: Path) -> Path:
    """Make a venv in the folder and fill it with distributions; answer its place."""
    environment = folder / "many"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    [site] = environment.glob("lib/python*/site-packages")
    for number in range(PACKAGES):
        _add(site, f"package-{number:03d}", f"1.{number}.0")
    return environment


def write_lock(folder: Path) -> Path:
    """Write the lock that the environment meets, as requirements with pins; answer its place."""
    lock = folder / "requirements.txt"
    lock.write_text("".join(f"package-{number:03d}==1.{number}.0\n" for number in range(PACKAGES)))
    return lock


def _add(site: Path, name: str, version: str) -> None:
    module = name.replace("-", "_")
    info = site / f"{module}-{version}.dist-info"
    info.mkdir()
    headers = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", "Requires-Python: >=3.8"]
    headers += [f"Classifier: Programming Language :: Python :: 3.{minor}" for minor in range(8, 14)]
    (info / "METADATA").write_text("\n".join([*headers, "", _DESCRIPTION]))
    (info / "WHEEL").write_text(
        "Wheel-Version: 1.0\nGenerator: made\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    (info / "INSTALLER").write_text("pip\n")
    files = [f"{module}/part_{part}.py" for part in range(30)]
    (info / "RECORD").write_text("".join(f"{file},sha256=abc,100\n" for file in files))
    package = site / module
    package.mkdir()
    (package / "__init__.py").write_text("")
