"""Which interpreter a pyenv shim would run, told without running it.

Rules (as pyenv)
1. ``PYENV_VERSION``, else the nearest ``.python-version`` upwards, else the root's ``version`` file, else
   ``system``.
2. Several names: the first that has the command. ``3.11`` means the newest installed ``3.11.*``.
3. ``system`` is whatever ``PATH`` holds beside the shims.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from envguard.errors import InventoryError
from envguard.inventory.files import reader_for, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_CAP_BYTES = 64 * 1024


def shims_root(folder: str) -> str | None:
    """Answer pyenv's root if this folder of ``PATH`` is its shims."""
    root, name = os.path.split(os.path.abspath(folder))
    return root if name == "shims" and os.path.isdir(os.path.join(root, "versions")) else None


def python_behind_shim(root: str, command: str, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """Answer the interpreter that the shim runs; None for ``system``.

    Raises InventoryError when the version that is asked for is not installed.
    """
    wanted, source = _wanted(root, environ, cwd)
    for name in wanted:
        if name == "system":
            return None
        folder = _installed(root, name)
        python = cwd.joinpath(root, "versions", folder, "bin", command) if folder else None
        if python is not None and python.exists():
            return python
    raise InventoryError(
        f"pyenv has no `{command}` in: {shown(', '.join(wanted))}",
        where=shown(source),
        hint=f"pyenv install {shown(wanted[0])}",
    )


def _wanted(root: str, environ: Mapping[str, str], cwd: Path) -> tuple[list[str], str]:
    """The version names, and the place that tells them."""
    if environ.get("PYENV_VERSION"):
        return environ["PYENV_VERSION"].split(":"), "PYENV_VERSION"
    for place in _files(root, cwd):
        names = _names_in(place)
        if names:
            return names, place
    return ["system"], root


def _files(root: str, cwd: Path) -> Iterator[str]:
    for folder in (cwd, *cwd.parents):
        yield str(folder / ".python-version")
    yield os.path.join(root, "version")


def _names_in(path: str) -> list[str]:
    try:
        content = reader_for(path).read(path, cap_bytes=_CAP_BYTES)
    except OSError:
        return []
    lines = os.fsdecode(content).splitlines()
    names = [word for line in lines for word in line.partition("#")[0].split()[:1]]
    return [name for name in names if not name.startswith("..") and "/" not in name]


def _installed(root: str, name: str) -> str | None:
    try:
        folders = os.listdir(os.path.join(root, "versions"))
    except OSError:
        return None
    for exact in (name, name.removeprefix("python-")):
        if exact in folders:
            return exact
    newest = re.compile(re.escape(name.removeprefix("python-")) + r"\.(\d+)")
    matching = [(int(match[1]), folder) for folder in folders if (match := newest.fullmatch(folder))]
    return max(matching)[1] if matching else None
