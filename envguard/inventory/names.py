"""What an environment is called by Jupyter and conda, told by what leads to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envguard.inventory.discovery.people import people_around
from envguard.inventory.discovery.registries import kernels
from envguard.inventory.files import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envguard.inventory.discovery.registries.interface import Candidate
    from envguard.inventory.layout import Layout


def names_of(layout: Layout, root: str = os.sep) -> tuple[str, ...]:
    """Answer the names of one environment, sorted: ``conda:rl``, ``kernel:rl``.

    Kernels count of who runs this, of the environment's owner, of the machine, and of the environment itself.
    """
    led = {
        name
        for candidate in _kernels(layout, root)
        if _leads_to(candidate.path, layout)
        for name in candidate.names
    }
    return tuple(sorted({*layout.names, *led}))


def _kernels(layout: Layout, root: str) -> Iterator[Candidate]:
    for person in people_around(layout.prefix, os.environ):
        yield from kernels.of_person(person)
    yield from kernels.of_machine(root)
    yield from kernels.of_prefix(layout.prefix)


def _leads_to(interpreter: str, layout: Layout) -> bool:
    """As :func:`~envguard.inventory.layout.locate`: the folder around it counts, of a system's the file."""
    if layout.kind in ("system", "user"):
        return layout.kind == "system" and os.path.realpath(interpreter) == layout.real_python
    return place_of(os.path.dirname(os.path.dirname(interpreter))) == place_of(layout.prefix)
