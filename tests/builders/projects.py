"""Projects that can be built and installed without the network: their build backend lies in them."""

from __future__ import annotations

import tarfile
from pathlib import Path

BUILD_SYSTEM = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
_BACKEND = """\
import base64, hashlib, os, pathlib, zipfile

NAME, VERSION = {name!r}, {version!r}

def _digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()

def build_wheel(folder, settings=None, metadata=None):
    info = f"{{NAME}}-{{VERSION}}.dist-info"
    files = {{
        f"{{NAME}}.py": "",
        f"{{info}}/METADATA": f"Metadata-Version: 2.2\\nName: {{NAME}}\\nVersion: {{VERSION}}\\n",
        f"{{info}}/WHEEL": "Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }}
    rows = "".join(f"{{place}},sha256={{_digest(text)}},{{len(text)}}\\n" for place, text in files.items())
    files[f"{{info}}/RECORD"] = rows + f"{{info}}/RECORD,,\\n"
    wheel = f"{{NAME}}-{{VERSION}}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, wheel), "w") as archive:
        for place, text in files.items():
            archive.writestr(place, text)
    return wheel

build_editable = build_wheel
"""


def make_project(folder: Path, pyproject: str, *, builds: tuple[str, str] | None = None) -> Path:
    """Write a project and answer its folder; ``builds`` are name and version of what can be built of it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(pyproject + (BUILD_SYSTEM if builds else ""))
    if builds:
        (folder / "backend.py").write_text(_BACKEND.format(name=builds[0], version=builds[1]))
    return folder


def make_sdist(folder: Path, name: str, version: str, *, while_building: str = "") -> Path:
    """Write a source archive into a folder and answer it; code runs while a wheel is built of it."""
    project = make_project(
        folder / "unpacked" / f"{name}-{version}",
        f'[project]\nname = "{name}"\nversion = "{version}"\n',
        builds=(name, version),
    )
    backend = project / "backend.py"
    backend.write_text(f"{while_building}\n{backend.read_text()}")
    (project / "PKG-INFO").write_text(f"Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n")
    path = folder / f"{name}-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(project, f"{name}-{version}")
    return path
