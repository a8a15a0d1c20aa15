"""The whole Pythons of a machine from which an environment can be made: told by files, none is run.

Rules
1. First the base of an environment that is named; then what ``PATH`` has, pyenv's and uv's, the system's.
2. Each is told once, however many names lead to it. What cannot be read is passed over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.environment import Interpreter
from envguard.errors import InventoryError
from envguard.inventory.discovery.people import Person
from envguard.inventory.discovery.registries import system, tools
from envguard.inventory.discovery.sight import Notes, Scope, eye_of_this_machine
from envguard.inventory.interpreter import interpreter_of
from envguard.inventory.layout import Layout, interpreter_in, locate

if TYPE_CHECKING:
    from envguard.inventory.discovery.registries.interface import Guide

_NAME = re.compile(r"(?:python|pypy)3?(?:\.\d+t?)?")
_WHEELS = ("share", "python-wheels")
"""Where Debian and Fedora keep them for all their Pythons."""

_NEVER = frozenset({"uv-tool", "pipx"})


class WholePython(msgspec.Struct, frozen=True):
    """An interpreter that is no virtual environment's."""

    path: str
    interpreter: Interpreter
    has_pip: bool
    """Whether it can put pip into an environment that it makes."""
    bundled: str | None
    """The folder with the wheels that it would put there."""


def whole_pythons(
    near: str | None, *, environ: Mapping[str, str], root: str = os.sep
) -> Iterator[WholePython]:
    """Yield the Pythons here; ``near`` is an environment or an interpreter whose base comes first."""
    seen: set[str] = set()
    for path in _candidates(near, environ, root):
        found = _whole(path)
        if found is not None and found.path not in seen:
            seen.add(found.path)
            yield found


def _candidates(near: str | None, environ: Mapping[str, str], root: str) -> Iterator[str]:
    if near is not None:
        yield near
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        if os.path.isabs(folder):
            yield from _named_in(folder)
    guide: Guide = Scope(eye_of_this_machine(Notes()))
    me = Person(os.geteuid(), environ.get("HOME") or os.path.expanduser("~"), environ)
    for registry in (tools.pyenvs, tools.uvs):
        for candidate in registry(me, guide):
            if candidate.kind not in _NEVER:
                yield candidate.path
    for candidate in system.interpreters(root, guide):
        yield candidate.path


def _named_in(folder: str) -> Iterator[str]:
    try:
        names = sorted(os.listdir(folder))
    except (OSError, ValueError):
        return
    yield from (os.path.join(folder, name) for name in names if _NAME.fullmatch(name))


def _whole(path: str) -> WholePython | None:
    try:
        layout = locate(path)
        if layout.config is not None or layout.base not in (None, layout.prefix):
            python = interpreter_in(layout.base) if layout.base is not None else None
            layout = locate(os.path.realpath(python)) if python is not None else layout
        return _described(layout)
    except (OSError, ValueError, InventoryError):
        return None


def _described(layout: Layout) -> WholePython | None:
    python = layout.real_python
    if layout.config is not None or layout.base is None or not os.access(python, os.X_OK):
        return None
    library = os.path.join(layout.base, "lib", layout.library, "ensurepip")
    wheels = (os.path.join(library, "_bundled"), os.path.join(layout.base, *_WHEELS))
    return WholePython(
        path=python,
        interpreter=interpreter_of(layout),
        has_pip=os.path.isfile(os.path.join(library, "__init__.py")),
        bundled=next(filter(os.path.isdir, wheels), None),
    )
