"""What an environment is called by Jupyter and conda, told by what leads to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envguard.inventory.discovery.people import people_around
from envguard.inventory.discovery.registries import kernels
from envguard.inventory.discovery.sight import Scope
from envguard.inventory.files import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envguard.inventory.discovery.people import Person
    from envguard.inventory.discovery.registries.interface import Candidate
    from envguard.inventory.discovery.sight import Eye
    from envguard.inventory.layout import Layout


def names_of(layout: Layout, eye: Eye, root: str = os.sep) -> tuple[str, ...]:
    """Answer the names of one environment, sorted: ``conda:rl``, ``kernel:rl``.

    Kernels count of who runs this, of the environment's owner, of the machine, and of the environment itself.
    What of these could not be read is noted, save what an ordinary user may not see of the owner's.
    """
    led = {
        name
        for candidate in _kernels(layout, eye, root)
        if _leads_to(candidate.path, layout)
        for name in candidate.names
    }
    return tuple(sorted({*layout.names, *led}))


def _kernels(layout: Layout, eye: Eye, root: str) -> Iterator[Candidate]:
    scope = Scope(eye)
    for person in people_around(layout.prefix, os.environ):
        if person.uid == os.geteuid():
            yield from kernels.of_person(person, scope)
        elif eye.is_open(person.home):
            yield from kernels.of_person(person, _scope_of_owner(person, eye))
    yield from kernels.of_machine(root, scope)
    yield from kernels.of_prefix(layout.prefix, scope)


def _scope_of_owner(person: Person, eye: Eye) -> Scope:
    """As a scan has it: the superuser's tells of others what this machine holds, another's of nobody else."""
    is_told = os.geteuid() == 0 and not eye.mounts.is_elsewhere(person.home)
    return Scope(eye, tops=None if is_told else [])


def _leads_to(interpreter: str, layout: Layout) -> bool:
    """As :func:`~envguard.inventory.layout.locate`: the folder around it counts, of a system's the file."""
    if layout.kind in ("system", "user"):
        return layout.kind == "system" and os.path.realpath(interpreter) == layout.real_python
    return place_of(os.path.dirname(os.path.dirname(interpreter))) == place_of(layout.prefix)
