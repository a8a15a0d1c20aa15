"""Which environment a command means.

Rules
1. What the command names: a folder, an interpreter, ``conda:NAME``, ``kernel:NAME``, or a command on
   ``PATH``. As in a shell, ``~NAME`` is a file's name where there is nobody of that name.
2. Else ``VIRTUAL_ENV``; else ``CONDA_PREFIX``, unless it is conda's base; else the project's ``.venv``,
   upwards from the working directory; else the first ``python``, then ``python3``, on ``PATH``.
3. If an active environment is chosen and the project has a ``.venv`` of its own, a warning names both.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from envguard.errors import InventoryError, UsageError
from envguard.inventory.files import is_closed, place_of, shown
from envguard.inventory.layout import has_marker
from envguard.inventory.shims import python_behind_shim, shims_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_PROJECT_VENV = ".venv"
_FAMILIES = ("conda", "kernel")
"""What may stand before the colon of a name."""


class Choice(msgspec.Struct, frozen=True):
    """An environment, and why this one."""

    path: Path
    reason: str
    """Such as ``active: VIRTUAL_ENV``; always printed."""
    warning: str | None = None


def choose_environment(argument: str | None, *, environ: Mapping[str, str], cwd: Path) -> Choice:
    """Answer the environment that is meant.

    Raises UsageError when there is none to choose, InventoryError when what is named is none.
    """
    if argument is not None:
        return Choice(_named(argument, environ, cwd), "named")
    own = _project_venv(environ, cwd)
    active = _active(environ)
    if active is not None:
        return _with_warning(active, own)
    if own is not None:
        return Choice(own, "the project's .venv")
    for command in ("python", "python3"):
        found = _on_path(command, environ, cwd)
        if found is not None:
            return Choice(found, f"first `{command}` on PATH")
    raise UsageError(
        "no environment: none is active, no .venv, no python on PATH", hint="envguard check PATH"
    )


def _named(argument: str, environ: Mapping[str, str], cwd: Path) -> Path:
    family, colon, _ = argument.partition(":")
    if family in _FAMILIES and colon and not os.path.exists(cwd / argument):
        return _checked(cwd / _place_named(argument, environ, cwd), shown(argument))
    path = cwd / os.path.expanduser(argument)
    if os.path.lexists(path):
        return _checked(path, shown(argument))
    found = _on_path(argument, environ, cwd) if argument and os.sep not in argument else None
    if found is None:
        raise InventoryError("no such file or folder", where=shown(argument), hint="envguard scan")
    return found


def _place_named(name: str, environ: Mapping[str, str], cwd: Path) -> str:
    from envguard.inventory.discovery.sight import Notes, eye_of_this_machine
    from envguard.inventory.named import place_named

    own = _project_venv(environ, cwd)
    return place_named(name, environ, str(own) if own else None, eye_of_this_machine(Notes()))


def _checked(path: Path, place: str) -> Path:
    if os.path.isdir(path) and not has_marker(str(path)) and not is_closed(str(path)):
        venv = path / _PROJECT_VENV
        hint = (
            f"envguard check {shown(str(venv))}"
            if has_marker(str(venv))
            else f"python -m venv {_PROJECT_VENV}"
        )
        raise InventoryError("no Python environment", where=place, hint=hint)
    return path


def _active(environ: Mapping[str, str]) -> Choice | None:
    virtual = environ.get("VIRTUAL_ENV")
    if virtual:
        return Choice(_checked_active(virtual, "VIRTUAL_ENV"), "active: VIRTUAL_ENV")
    conda = environ.get("CONDA_PREFIX")
    if conda and not _is_conda_base(conda, environ):
        return Choice(_checked_active(conda, "CONDA_PREFIX"), "active: CONDA_PREFIX")
    return None


def _checked_active(folder: str, variable: str) -> Path:
    if not has_marker(folder):
        raise InventoryError(
            f"{variable} names no Python environment", where=shown(folder), hint=f"unset {variable}"
        )
    from pathlib import Path

    return Path(folder)


def _is_conda_base(prefix: str, environ: Mapping[str, str]) -> bool:
    if environ.get("CONDA_DEFAULT_ENV") == "base":
        return True
    return os.path.isdir(os.path.join(prefix, "condabin"))


def _with_warning(active: Choice, own: Path | None) -> Choice:
    if own is None or place_of(str(own)) == place_of(str(active.path)):
        return active
    warning = f"the active environment is {shown(str(active.path))}, the project's own is {shown(str(own))}"
    return msgspec.structs.replace(active, warning=warning)


def _project_venv(environ: Mapping[str, str], cwd: Path) -> Path | None:
    home = place_of(environ["HOME"]) if environ.get("HOME") else None
    for folder in (cwd, *cwd.parents):
        venv = folder / _PROJECT_VENV
        if has_marker(str(venv)):
            return venv
        if os.path.lexists(folder / ".git") or (home is not None and place_of(str(folder)) == home):
            return None
    return None


def _on_path(command: str, environ: Mapping[str, str], cwd: Path) -> Path | None:
    for folder in _path_folders(environ, cwd):
        root = shims_root(folder)
        path = cwd / folder / command
        if not (os.path.isfile(path) and os.access(path, os.X_OK)):
            continue
        python = python_behind_shim(root, command, environ, cwd) if root else path
        if python is not None:
            return python
    return None


def _path_folders(environ: Mapping[str, str], cwd: Path) -> Iterator[str]:
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        yield os.path.join(cwd, folder)
