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
    from envguard.inventory.discovery.registries.interface import Candidate, MayAsk


def of_person(person: Person, may_ask: MayAsk) -> Iterator[Candidate]:
    """Yield all that tools registered for one person."""
    for registry in (
        *(tools.pyenvs, tools.pipxs, tools.uvs),
        *(projects.poetrys, projects.hatchs, projects.pdms, projects.pipenvs),
        *(conda.of_person, kernels.of_person),
    ):
        yield from registry(person, may_ask)


def of_machine(root: str, may_ask: MayAsk) -> Iterator[Candidate]:
    """Yield all that tools registered for everybody, below the root of the file system."""
    for registry in (tools.pipxs_of_machine, conda.of_machine, kernels.of_machine):
        yield from registry(root, may_ask)


def of_prefix(prefix: str, kind: EnvironmentKind, may_ask: MayAsk) -> Iterator[Candidate]:
    """Yield what an environment that was found leads to: its kernels, and those that lie inside of it."""
    yield from kernels.of_prefix(prefix, may_ask)
    if kind in ("conda", "pyenv"):
        yield from candidates_in(os.path.join(prefix, "envs"), None, may_ask)
