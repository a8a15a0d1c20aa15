"""What registries lead to on a machine, as far as it lies where one may look."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from envguard.inventory.discovery.people import Person
from envguard.inventory.discovery.registries.everywhere import of_machine, of_person, of_prefix
from envguard.inventory.discovery.registries.interface import Candidate
from envguard.inventory.discovery.registries.processes import candidates_of
from envguard.inventory.discovery.registries.system import interpreters, user_sites
from envguard.inventory.discovery.sight import Scope, Sighting
from envguard.inventory.files import is_below, reader_for
from envguard.inventory.layout import of_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from envguard.inventory.discovery.host import Host
    from envguard.inventory.discovery.sight import Eye
    from envguard.inventory.layout import Layout

_MADE_BY_ANYBODY = frozenset({"venv", "virtualenv", "uv", "system"})
"""Kinds that say nothing of a tool that keeps environments: there the registry knows better."""


class Registered:
    """Asks the registries; given ``tops`` limit what counts to what lies below one of them."""

    def __init__(
        self,
        host: Host,
        eye: Eye,
        tops: Sequence[str] | None,
        *,
        bound: Sequence[str] = (),
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        """Count as registered also what somebody ``bound`` to a policy; stop when ``is_over`` says so."""
        self.is_incomplete = False
        self._is_over = is_over
        self._host = host
        self._bound = bound
        self._eye = eye
        self._tops = tops
        self._scope = Scope(eye, tops)
        self._real_tops = [real for top in tops or () if (real := eye.real_path_of(top)) is not None]
        self._followed: set[str] = set()

    def environments(self) -> Iterator[Sighting]:
        """Yield what is registered, the system's and people's own, and what runs; one may come several times.

        Processes are looked at only where the whole machine is.
        """
        yield from self._all(map(Candidate, self._bound))
        for person in self._people():
            yield from self._all(of_person(person, self._scope))
        yield from self._all(of_machine(self._host.root, self._scope))
        yield from self._of_system()
        if self._tops is None:
            yield from self._all(candidates_of(self._host.processes(), self._scope))

    def led_to_by(self, layout: Layout) -> Iterator[Sighting]:
        """Yield what an environment leads to: its kernels, and environments that lie inside of it."""
        if layout.prefix in self._followed:
            return
        self._followed.add(layout.prefix)
        for sighting in self._all(of_prefix(layout.prefix, layout.kind, self._scope)):
            yield sighting
            yield from self.led_to_by(sighting.layout)

    def _people(self) -> Iterator[Person]:
        """The people of this machine, and whoever's home a root is; of a closed home the walk tells."""
        known = {person.home for person in self._host.people}
        yield from (person for person in self._host.people if self._eye.is_open(person.home))
        for top in self._tops or ():
            if top not in known and self._eye.is_open(top):
                yield Person(reader_for(top).uid, top)

    def _all(self, candidates: Iterable[Candidate]) -> Iterator[Sighting]:
        for candidate in candidates:
            if self._is_over():
                self.is_incomplete = True
                return
            path = os.path.abspath(candidate.path)
            sighting = self._eye.look_at(path) if self._is_wanted(path) else None
            if sighting is not None:
                yield _as_registered(sighting, candidate)

    def _is_wanted(self, path: str) -> bool:
        if self._scope.holds(path):
            return True
        real = self._eye.real_path_of(path)
        return real is not None and any(is_below(real, top) for top in self._real_tops)

    def _of_system(self) -> Iterator[Sighting]:
        sites = [
            site
            for person in self._others()
            if self._eye.is_open(person.home)
            for site in user_sites(person, self._scope)
            if self._is_wanted(site.path)
        ]
        if self._tops is not None and not sites:
            return
        systems: dict[str, Layout] = {}
        for candidate in interpreters(self._host.root, self._scope):
            sighting = self._eye.look_at(candidate.path)
            if sighting is None:
                continue
            systems.setdefault(sighting.layout.library, sighting.layout)
            if self._tops is None:
                yield sighting
        for site in sites:
            if site.library in systems:
                yield Sighting(of_user(systems[site.library], site.path), site.path)

    def _others(self) -> Sequence[Person]:
        """All but who runs this, whose own packages the system's interpreter shows already."""
        return self._host.people[1:] if self._host.is_superuser else ()


def _as_registered(sighting: Sighting, candidate: Candidate) -> Sighting:
    layout = sighting.layout
    if candidate.kind is not None and layout.kind in _MADE_BY_ANYBODY:
        layout = msgspec.structs.replace(layout, kind=candidate.kind)
    return msgspec.structs.replace(sighting, layout=layout, names=candidate.names)
