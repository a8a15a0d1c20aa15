"""Real environments made from the Pythons of this machine, without the network."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from tests.builders.wheels import make_wheel

_QUIET = {"PYTHONDONTWRITEBYTECODE": "1", "PATH": os.defpath}


def pyenv_root() -> Path:
    """Answer where pyenv keeps its Pythons on this machine, if it does."""
    return Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")


def pyenv_pythons() -> dict[str, Path]:
    """Answer the interpreters that pyenv installed here, by their full version."""
    found = {folder.name: folder / "bin" / "python" for folder in sorted(pyenv_root().glob("versions/*"))}
    return {version: python for version, python in found.items() if version[0].isdigit() and python.exists()}


def pyenv_python(minor: str) -> Path | None:
    """Answer the interpreter of a version such as ``3.11``, or None where there is none."""
    return next(
        (python for version, python in pyenv_pythons().items() if version.startswith(minor + ".")), None
    )


def make_venv(python: Path, folder: Path, *options: str) -> Path:
    """Make an environment without pip by the interpreter's own ``venv`` and answer its folder."""
    command = [str(python), "-m", "venv", "--without-pip", *options, str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=60, env=_QUIET)
    return folder


def make_old_virtualenv(python: Path, folder: Path) -> Path:
    """Lay out an environment as virtualenv did before 20, which also works for 2.7, and answer its folder.

    The binary is copied, the standard library linked file by file, ``orig-prefix.txt`` names the base, and
    there is no pyvenv.cfg. Nothing that makes such environments runs on today's Pythons, hence by hand.
    """
    base = python.resolve().parent.parent
    version = python.resolve().name
    library = folder / "lib" / version
    (folder / "bin").mkdir(parents=True)
    (library / "site-packages").mkdir(parents=True)
    shutil.copy2(python.resolve(), folder / "bin" / "python")
    for entry in (base / "lib" / version).iterdir():
        if entry.name not in ("site-packages", "__pycache__"):
            (library / entry.name).symlink_to(entry)
    (library / "orig-prefix.txt").write_text(str(base))
    (library / "no-global-site-packages.txt").write_text("")
    return folder


def make_virtualenv_27(python: Path, folder: Path) -> Path:
    """Lay out a 2.7 environment as virtualenv 20 did: as before it, plus a pyvenv.cfg."""
    make_old_virtualenv(python, folder)
    library = folder / "lib" / "python2.7"
    (library / "orig-prefix.txt").unlink()
    (library / "no-global-site-packages.txt").unlink()
    lines = [
        f"home = {python.parent}",
        "implementation = CPython",
        "version_info = 2.7.18.final.0",
        "virtualenv = 20.15.1",
        "include-system-site-packages = false",
        f"base-prefix = {python.resolve().parent.parent}",
    ]
    (folder / "pyvenv.cfg").write_text("\n".join(lines) + "\n")
    return folder


def site_packages(folder: Path) -> Path:
    """Answer the one site-packages folder of an environment."""
    (found,) = folder.glob("lib/*/site-packages")
    return found


def install_wheel_files(folder: Path, wheel: Path) -> Path:
    """Unpack a wheel into an environment's site-packages, as installers do, and answer that folder."""
    target = site_packages(folder)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    (dist_info,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
    (target / dist_info / "INSTALLER").write_text("envguard-tests\n")
    return target


def install(folder: Path, **packages: str) -> Path:
    """Put distributions (``gym="0.26.2"``) into an environment and answer its site-packages."""
    wheels = folder / ".wheels"
    for name, version in packages.items():
        install_wheel_files(folder, make_wheel(wheels, name, version))
    shutil.rmtree(wheels, ignore_errors=True)
    return site_packages(folder)


def link_installed(folder: Path, *names: str) -> Path:
    """Link distributions of the tests' own environment into another, and answer its site-packages."""
    target = site_packages(folder)
    for name in names:
        distribution = metadata.distribution(name)
        tops = {path.parts[0] for path in distribution.files or ()} - {"..", "__pycache__"}
        for top in sorted(tops):
            (target / top).symlink_to(Path(str(distribution.locate_file(top))))
    return target


def write_dist_info(
    site: Path, name: str, version: str, *, metadata: bytes | None = None, **files: str
) -> Path:
    """Write a dist-info by hand; ``metadata`` replaces METADATA, ``files`` add others (``RECORD="..."``)."""
    folder = site / f"{name}-{version}.dist-info"
    folder.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n".encode()
    (folder / "METADATA").write_bytes(text if metadata is None else metadata)
    for file_name, content in files.items():
        (folder / file_name.replace("__", ".")).write_text(content)
    return folder


def write_tree(folder: Path, files: Mapping[str, str]) -> Path:
    """Write text files by their relative place and answer the folder."""
    for place, text in files.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder
