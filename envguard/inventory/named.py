"""Environments by the names that conda and Jupyter give them: ``conda:NAME``, ``kernel:NAME``.

Rules
1. Names are looked up as the tool itself would from here: the person's settings and variables first, then
   the active environment, then the machine's. The first that has the name counts.
2. A conda environment has a name if it lies in a folder of environments; ``base`` is the installation.
3. No file system is asked that does not answer. Where a name was not found and some place could not be read,
   nobody can say that there is none: the error says which place.
"""

from __future__ import annotations

import errno
import os
from itertools import chain
from typing import TYPE_CHECKING

from envguard.domain.nearest import nearest
from envguard.errors import InventoryError
from envguard.inventory import conda_records
from envguard.inventory.discovery.people import Person
from envguard.inventory.discovery.registries import conda, kernels
from envguard.inventory.discovery.sight import Scope
from envguard.inventory.files import is_absent, is_closed, reason_of, shown
from envguard.inventory.kinds import conda_name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from envguard.inventory.discovery.sight import Eye

_ACTIVE = ("VIRTUAL_ENV", "CONDA_PREFIX")


def place_named(name: str, environ: Mapping[str, str], own: str | None, eye: Eye, root: str = os.sep) -> str:
    """Answer the folder or interpreter that has a name such as ``kernel:rl``.

    ``own`` is the project's environment, which may hold kernels; ``eye`` is one that saw nothing yet. Raises
    InventoryError, with the nearest name as its hint, where none has it, or where what had it is gone.
    """
    scope = Scope(eye)
    listed = (
        _kernels(environ, own, root, scope) if name.startswith("kernel:") else _condas(environ, root, scope)
    )
    known: dict[str, str] = {}
    for each, path in listed:
        known.setdefault(each, path)
        if each == name and _unread_of(name, eye) is None:
            return _checked(name, path, eye)
    hidden = _unread_of(name, eye)
    if hidden is not None:
        raise InventoryError(
            f"`{shown(name)}` cannot be read: {eye.notes.unread[hidden]}", where=shown(hidden)
        )
    unread = "".join(f"; unread: {shown(path)}: {reason}" for path, reason in eye.notes.unread.items())
    raise InventoryError(
        f"no environment of this name: `{shown(name)}`{unread}", hint=nearest(name, known) or "envguard scan"
    )


def _unread_of(name: str, eye: Eye) -> str | None:
    """The place of this name that could not be read: it comes before what is found, and is what is meant."""
    bare = name.partition(":")[2]
    return next((path for path in eye.notes.unread if bare in path.split(os.sep)[-2:]), None)


def _checked(name: str, path: str, eye: Eye) -> str:
    if not eye.should_ask(path):
        raise InventoryError(eye.notes.unread[path], where=shown(path))
    try:
        os.lstat(path)
    except OSError as error:
        what = (
            f"`{shown(name)}` names what is gone"
            if is_absent(error)
            else f"cannot be read: {reason_of(error)}"
        )
        raise InventoryError(what, where=shown(path)) from error
    return path


def _kernels(
    environ: Mapping[str, str], own: str | None, root: str, scope: Scope
) -> Iterator[tuple[str, str]]:
    prefixes = [
        *(environ[variable] for variable in _ACTIVE if environ.get(variable)),
        *([own] if own else []),
    ]
    registries = [
        kernels.of_person(_me(environ), scope),
        *(kernels.of_prefix(prefix, scope) for prefix in prefixes),
        kernels.of_machine(root, scope),
    ]
    for candidate in chain.from_iterable(registries):
        yield candidate.names[0], candidate.path


def _condas(environ: Mapping[str, str], root: str, scope: Scope) -> Iterator[tuple[str, str]]:
    for candidate in chain(conda.of_person(_me(environ), scope), conda.of_machine(root, scope)):
        prefix = candidate.path
        if not scope.may_ask(prefix):
            continue
        if is_closed(prefix):
            scope.refuse(prefix, PermissionError(errno.EACCES, "permission denied"))
        if not os.path.lexists(os.path.join(prefix, conda_records.FOLDER)):
            continue
        name = next(iter(candidate.names), None) or conda_name_of(prefix)
        if name is not None:
            yield name, prefix


def _me(environ: Mapping[str, str]) -> Person:
    return Person(os.geteuid(), environ.get("HOME") or os.path.expanduser("~"), environ)
