"""Environments by the names that conda and Jupyter give them: ``conda:NAME``, ``kernel:NAME``.

Rules
1. Names are looked up as the tool itself would from here: the person's settings and variables first, then
   the active environment, then the machine's. The first that has the name counts.
2. A conda environment has a name if it lies in a folder of environments; ``base`` is the installation.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envguard.domain.nearest import nearest
from envguard.errors import InventoryError
from envguard.inventory.discovery.people import Person
from envguard.inventory.discovery.registries import conda, kernels
from envguard.inventory.files import shown
from envguard.inventory.kinds import conda_name_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ACTIVE = ("VIRTUAL_ENV", "CONDA_PREFIX")


def place_named(name: str, environ: Mapping[str, str], own: str | None, root: str = os.sep) -> str:
    """Answer the folder or interpreter that has a name such as ``kernel:rl``.

    ``own`` is the project's environment, which may hold kernels. Raises InventoryError, with the nearest
    name as its hint, where none has it, or where what had it is gone.
    """
    known: dict[str, str] = {}
    listed = _kernels(environ, own, root) if name.startswith("kernel:") else _condas(environ, root)
    for each, path in listed:
        known.setdefault(each, path)
    if name not in known:
        raise InventoryError(
            f"no environment of this name: `{shown(name)}`", hint=nearest(name, known) or "envguard scan"
        )
    if not os.path.lexists(known[name]):
        raise InventoryError(f"`{shown(name)}` names what is gone", where=shown(known[name]))
    return known[name]


def _kernels(environ: Mapping[str, str], own: str | None, root: str) -> Iterator[tuple[str, str]]:
    prefixes = [
        *(environ[variable] for variable in _ACTIVE if environ.get(variable)),
        *([own] if own else []),
    ]
    for candidate in kernels.of_person(_me(environ)):
        yield candidate.names[0], candidate.path
    for prefix in prefixes:
        for candidate in kernels.of_prefix(prefix):
            yield candidate.names[0], candidate.path
    for candidate in kernels.of_machine(root):
        yield candidate.names[0], candidate.path


def _condas(environ: Mapping[str, str], root: str) -> Iterator[tuple[str, str]]:
    for registry in (conda.of_person(_me(environ)), conda.of_machine(root)):
        for candidate in registry:
            if not os.path.lexists(os.path.join(candidate.path, "conda-meta")):
                continue
            name = next(iter(candidate.names), None) or conda_name_of(candidate.path)
            if name is not None:
                yield name, candidate.path


def _me(environ: Mapping[str, str]) -> Person:
    return Person(os.geteuid(), environ.get("HOME") or os.path.expanduser("~"), environ)
