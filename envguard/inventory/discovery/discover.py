"""All environments of a machine.

Rules
1. Registries first: what is bound to a policy, what tools wrote down for each person and for the machine,
   the system's interpreters, the Pythons that run just now; then the roots are walked.
2. Roots are the home of who runs this; for the superuser, all people's homes. Given roots limit where it
   looks, in the registries too: only what lies below them.
3. One environment that is reached by several paths is one, with the others in ``also``.
4. What a registry names is read on a network mount, too, if that answers; no walk goes there, save below a
   root that somebody named.
5. What the time budget left out, and what should have been read and could not be, makes a scan incomplete.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from envguard.domain.environment import Scan, Unread
from envguard.errors import InventoryError
from envguard.inventory.discovery.found import Found, Read
from envguard.inventory.discovery.mounts import ANSWER_S, Answers
from envguard.inventory.discovery.sight import Eye, Notes, Sighting, eye_of_this_machine
from envguard.inventory.files import reason_of, shown
from envguard.inventory.layout import locate
from envguard.inventory.machine.facts import machine_facts
from envguard.inventory.names import names_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from envguard.domain.environment import EnvironmentKind
    from envguard.inventory.discovery.host import Host
    from envguard.inventory.discovery.registered import Registered
    from envguard.inventory.discovery.walk import Walk

SEARCH_S = 20.0
"""How long a scan looks for environments if nobody says."""


def scan_paths(paths: Sequence[str | os.PathLike[str]]) -> Scan:
    """Answer just these environments; InventoryError when one of the paths is none."""
    notes = Notes()
    eye = eye_of_this_machine(notes)
    found = Found(eye.mounts, notes)
    for path in paths:
        _add(found, eye, os.fspath(path))
    return _scan(found, notes, is_late=False)


def _add(found: Found, eye: Eye, path: str) -> None:
    try:
        layout = locate(path)
        found.add(Sighting(layout, os.path.abspath(path), names_of(layout, eye)))
    except OSError as error:
        raise InventoryError(f"cannot be read: {reason_of(error)}", where=shown(path)) from error


def scan_machine(
    roots: Sequence[Path] | None = None,
    *,
    bound: Sequence[Path] = (),
    kinds: Collection[EnvironmentKind] | None = None,
    all_file_systems: bool = False,
    deadline_s: float = SEARCH_S,
    progress: Callable[[str], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
    host: Host | None = None,
    read: Read | None = None,
    avoid: Collection[str] = (),
) -> Scan:
    """Answer all environments that are registered, or lie below the roots.

    ``bound`` are environments that somebody bound to a policy: they count as registered. ``kinds`` limits
    what is read. ``all_file_systems`` lets the walk cross into whatever is mounted below a
    root. ``progress`` hears of each folder that is entered and each environment that is read. ``deadline_s``
    bounds the search; what was not reached by then makes the scan incomplete. ``read`` reads an environment,
    or remembers it (:class:`envguard.inventory.freshness.Memories`). ``avoid`` are places at which an earlier
    scan hung: they are unread.
    """
    # A command that reads one environment is spared all this: 8 ms.
    from envguard.inventory.discovery.host import this_host
    from envguard.inventory.discovery.registered import Registered
    from envguard.inventory.discovery.walk import Walk

    ends_at = clock() + deadline_s
    progress = _without_repeats(progress)
    host = host or this_host()
    notes = Notes(_homes_elsewhere(host) if roots is None else ())
    answers = Answers(host.mounts, within_s=ANSWER_S)
    eye = Eye(answers, notes, avoid=avoid, progress=progress)
    tops = None if roots is None else [os.path.abspath(root) for root in roots]

    def is_over() -> bool:
        return clock() > ends_at

    registered = Registered(host, eye, tops, bound=[os.fspath(path) for path in bound], is_over=is_over)
    walk = Walk(eye, notes, answers, is_over=is_over, progress=progress, all_file_systems=all_file_systems)
    found = Found(host.mounts, notes, kinds, read=read)
    walked = tops if tops is not None else _homes(host, notes, all_file_systems=all_file_systems)
    sightings = (each for each in _all(registered, walk, walked) if not eye.avoids(each.path))
    is_whole = _read_all(sightings, found, is_over=is_over, progress=progress)
    is_late = not is_whole or registered.is_incomplete or walk.is_incomplete
    return _scan(found, notes, is_late=is_late)


def _read_all(
    sightings: Iterable[Sighting],
    found: Found,
    *,
    is_over: Callable[[], bool],
    progress: Callable[[str], None],
) -> bool:
    """Read each environment that is seen; answer whether the time was enough."""
    for sighting in sightings:
        if is_over():
            return False
        progress(sighting.path)
        found.try_add(sighting)
    return True


def _without_repeats(progress: Callable[[str], None]) -> Callable[[str], None]:
    last: list[str] = []

    def tell(path: str) -> None:
        if last != [path]:
            last[:] = [path]
            progress(path)

    return tell


def _all(registered: Registered, walk: Walk, tops: Sequence[str]) -> Iterator[Sighting]:
    for sightings in (registered.environments(), walk.environments(tops)):
        for sighting in sightings:
            yield sighting
            yield from registered.led_to_by(sighting.layout)


def _homes(host: Host, notes: Notes, *, all_file_systems: bool) -> list[str]:
    """The homes that are walked: those that nobody named are not, where another machine holds them.

    One's own is then unread; those of others, of which there may be thousands, are their owners' to scan.
    """
    homes = []
    for person in host.people:
        mount = host.mounts.of(person.home)
        if mount is None or not mount.is_network or all_file_systems:
            homes.append(person.home)
        elif person.uid == host.people[0].uid:
            notes.fail(person.home, f"on a network file system, so it is walked only if named: {mount.kind}")
        else:
            notes.pass_over(mount.place, f"homes on a network file system: {mount.kind}")
    return homes


def _homes_elsewhere(host: Host) -> list[str]:
    """The homes of others that another machine holds."""
    homes = [person.home for person in host.people if person.uid != host.people[0].uid]
    return [home for home in homes if host.mounts.is_elsewhere(home)]


def _scan(found: Found, notes: Notes, *, is_late: bool) -> Scan:
    return Scan(
        machine_facts(),
        found.environments(),
        is_incomplete=is_late or bool(notes.unread),
        unread=_noted(notes.unread),
        passed_over=_noted(notes.passed_over),
    )


def _noted(places: dict[str, str]) -> tuple[Unread, ...]:
    return tuple(Unread(shown(path), reason) for path, reason in sorted(places.items()))
