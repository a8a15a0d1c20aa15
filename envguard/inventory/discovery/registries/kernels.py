"""Jupyter's kernels: a ``kernel.json`` names the interpreter that a notebook runs on.

Rules
1. Kernels lie below ``share/jupyter/kernels`` of the person, of the machine, and of an environment itself.
2. ``argv[0]`` is the interpreter. A bare ``python`` is the one of the environment that holds the kernel; in
   a person's folder, whichever ``PATH`` has, for Jupyter's own cannot be known.
3. Kernels of other languages are none of ours.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import msgspec

from envguard.inventory.discovery.registries.interface import (
    Candidate,
    content_of,
    is_path,
    names_in,
)
from envguard.inventory.files import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envguard.inventory.discovery.people import Person
    from envguard.inventory.discovery.registries.interface import Guide

_CAP_BYTES = 1024 * 1024
_INTERPRETER = r"(?:python|pypy)[\d.]*t?(?:\.exe)?"


class _Kernel(msgspec.Struct):
    argv: list[str] = []


def of_person(person: Person, guide: Guide) -> Iterator[Candidate]:
    """Yield what the kernels in somebody's own folders run."""
    path = person.environ.get("PATH", "").split(os.pathsep)
    for data in data_folders(person):
        yield from _run_in(os.path.join(data, "kernels"), path, guide)


def of_machine(root: str, guide: Guide) -> Iterator[Candidate]:
    """Yield what the kernels run that everybody has."""
    for prefix in (os.path.join(root, "usr", "local"), os.path.join(root, "usr")):
        yield from of_prefix(prefix, guide)


def of_prefix(prefix: str, guide: Guide) -> Iterator[Candidate]:
    """Yield what the kernels run that an environment itself holds."""
    kernels = os.path.join(prefix, "share", "jupyter", "kernels")
    yield from _run_in(kernels, [os.path.join(prefix, "bin")], guide)


def data_folders(person: Person) -> list[str]:
    """Answer the folders of somebody's Jupyter, the first counts most."""
    told = [folder for folder in person.environ.get("JUPYTER_PATH", "").split(os.pathsep) if folder]
    own = [person.folder("JUPYTER_DATA_DIR", *_DATA), person.data("jupyter")]
    return list(dict.fromkeys([*told, *own]))


def _run_in(kernels: str, path: Iterable[str], guide: Guide) -> Iterator[Candidate]:
    for name in names_in(kernels, guide):
        command = _command(os.path.join(kernels, name), guide)
        interpreter = _found(command, path, guide) if command else None
        if interpreter is not None:
            yield Candidate(interpreter, names=(f"kernel:{shown(name)}",))


def _command(folder: str, guide: Guide) -> str | None:
    """The ``argv[0]`` of a kernel; None where there is none, or the file is not what Jupyter reads."""
    path = os.path.join(folder, "kernel.json")
    content = content_of(path, guide, cap_bytes=_CAP_BYTES)
    if content is None:
        return None
    try:
        argv = msgspec.json.decode(content, type=_Kernel).argv
    except (msgspec.MsgspecError, ValueError, RecursionError):
        guide.fail(path, "not a kernel's JSON")
        return None
    return argv[0] if argv and is_path(argv[0]) else None


def _found(command: str, path: Iterable[str], guide: Guide) -> str | None:
    if not re.fullmatch(_INTERPRETER, os.path.basename(command)):
        return None
    if os.path.isabs(command):
        return command
    if os.sep in command:
        return None
    places = (os.path.join(folder, command) for folder in path if os.path.isabs(folder))
    return next((place for place in places if guide.may_ask(place) and os.path.lexists(place)), None)


_DATA = ("Library", "Jupyter") if sys.platform == "darwin" else (".local", "share", "jupyter")
