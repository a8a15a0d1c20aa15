"""A made environment of many packages: real files of the usual sizes, no network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PACKAGES = 415
"""As many as a researcher's environment with torch, jax and notebooks had."""

_DESCRIPTION = "A sentence about what this package is for, and how it is used.\n" * 120
"""8 kB: the median of what the index's most downloaded packages carry in METADATA."""

_INDEX = "https://index.example/simple"
_FILES = "https://index.example/packages"
_PYLOCK_HEAD = 'lock-version = "1.0"\ncreated-by = "uv"\nrequires-python = ">=3.10"\n'
_UPLOADED = "2024-01-01T00:00:00Z"
_PYLOCK_FILE = f'upload-time = {_UPLOADED}, size = 1000, hashes = {{{{ sha256 = "{{3}}" }}}}'
_PYLOCK = f"""
[[packages]]
name = "{{0}}"
version = "{{1}}"
index = "{_INDEX}"
sdist = {{{{ url = "{_FILES}/{{2}}.tar.gz", {_PYLOCK_FILE} }}}}
wheels = [{{{{ url = "{_FILES}/{{2}}-py3-none-any.whl", {_PYLOCK_FILE} }}}}]
"""
_UV_HEAD = """version = 1
revision = 3
requires-python = ">=3.10"

[[package]]
name = "app"
version = "0"
source = { virtual = "." }
"""
_UV_FILE = f'hash = "sha256:{{3}}", size = 1000, upload-time = "{_UPLOADED}"'
_UV = f"""
[[package]]
name = "{{0}}"
version = "{{1}}"
source = {{{{ registry = "{_INDEX}" }}}}
sdist = {{{{ url = "{_FILES}/{{2}}.tar.gz", {_UV_FILE} }}}}
wheels = [
    {{{{ url = "{_FILES}/{{2}}-py3-none-any.whl", {_UV_FILE} }}}},
]
"""
_REQUIREMENT = "{0}=={1} \\\n    --hash=sha256:{3}\n"


def make_many(folder: Path) -> Path:
    """Make a venv in the folder and fill it with distributions; answer its place."""
    environment = folder / "many"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    [site] = environment.glob("lib/python*/site-packages")
    for number in range(PACKAGES):
        _add(site, f"package-{number:03d}", f"1.{number}.0")
    return environment


def write_locks(folder: Path) -> tuple[Path, ...]:
    """Write the lock that the environment meets in three formats, each with files and digests."""
    entries = [
        (f"package-{number:03d}", f"1.{number}.0", f"package_{number:03d}-1.{number}.0", f"{number:064x}")
        for number in range(PACKAGES)
    ]
    asked = "".join(f'    {{ name = "{name}" }},\n' for name, *_ in entries)
    head = f"{_UV_HEAD}dependencies = [\n{asked}]\n"
    texts = {
        "pylock.toml": _PYLOCK_HEAD + "".join(_PYLOCK.format(*entry) for entry in entries),
        "uv.lock": head + "".join(_UV.format(*entry) for entry in entries),
        "requirements.txt": "".join(_REQUIREMENT.format(*entry) for entry in entries),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    return tuple(folder / name for name in texts)


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
