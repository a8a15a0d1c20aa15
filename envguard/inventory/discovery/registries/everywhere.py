"""All registries, in the order in which they are asked: the first to name an environment tells its kind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from envguard.inventory.discovery.registries import conda, kernels, projects, tools
from envguard.inventory.discovery.registries.interface import candidates_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envguard.domain.environment import EnvironmentKind
    from envguard.inventory.discovery.people import Person
    from envguard.inventory.discovery.registries.interface import Candidate, Guide


def of_person(person: Person, guide: Guide) -> Iterator[Candidate]:
    """Yield all that tools registered for one person."""
    for registry in (
        *(tools.pyenvs, tools.pipxs, tools.uvs),
        *(projects.poetrys, projects.hatchs, projects.pdms, projects.pipenvs),
        *(conda.of_person, kernels.of_person),
    ):
        yield from registry(person, guide)


def of_machine(root: str, guide: Guide) -> Iterator[Candidate]:
    """Yield all that tools registered for everybody, below the root of the file system."""
    for registry in (tools.pipxs_of_machine, conda.of_machine, kernels.of_machine):
        yield from registry(root, guide)


def of_prefix(prefix: str, kind: EnvironmentKind, guide: Guide) -> Iterator[Candidate]:
    """Yield what an environment that was found leads to: its kernels, and those that lie inside of it."""
    yield from kernels.of_prefix(prefix, guide)
    if kind in ("conda", "pyenv"):
        yield from candidates_in(os.path.join(prefix, "envs"), None, guide)
