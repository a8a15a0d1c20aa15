"""All environments of a machine.

Rules
1. Registries first: pyenv's versions, the system's interpreters, Poetry's and uv's folders; then the roots
   are walked.
2. Roots are the home of who runs this; for the superuser, all people's homes. Given roots limit where it
   looks: only what lies below them.
3. One environment that is reached by several paths is one, with the others in ``also``.
4. What the time budget left out makes the scan incomplete.
"""

from __future__ import annotations

import os
import re
import time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.environment import Environment, Scan
from envguard.errors import InventoryError
from envguard.inventory.environment import read_layout
from envguard.inventory.facts import machine_facts
from envguard.inventory.files import is_below, place_of, shown
from envguard.inventory.layout import locate
from envguard.inventory.walk import Sighting, Walk, environments_in
from envguard.log import get_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

SYSTEM_FOLDERS = ("/usr/bin", "/usr/local/bin")
"""Where the system's own interpreters lie."""

_PEOPLE_SINCE_UID = 1000
_NOBODY_UID = 65534
_INTERPRETER = re.compile(r"python(?:\d(?:\.\d+t?)?)?")
_KEPT_ENVIRONMENTS = (".pyenv/versions", ".cache/pypoetry/virtualenvs", ".local/share/uv/python")

_log = get_log(__name__)


def scan_paths(paths: Sequence[Path]) -> Scan:
    """Answer just these environments; InventoryError when one of the paths is none."""
    found = _Found()
    for path in paths:
        found.add(Sighting(locate(os.fspath(path)), os.path.abspath(path)))
    return Scan(machine_facts(), found.environments())


def scan_machine(
    roots: Sequence[Path] | None = None,
    *,
    deadline_s: float = 20.0,
    progress: Callable[[Path], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> Scan:
    """Answer all environments that are registered, or lie below the roots.

    ``progress`` hears of each folder that is entered and each environment that is read. ``deadline_s``
    bounds the search; what was not reached by then makes the scan incomplete.
    """
    ends_at = clock() + deadline_s
    walk = Walk(is_over=lambda: clock() > ends_at, progress=progress)
    tops = default_roots() if roots is None else list(roots)
    found = _Found()
    is_incomplete = False
    for sighting in chain(
        _registered(tops), _of_the_system() if roots is None else (), walk.environments(tops)
    ):
        if clock() > ends_at:
            is_incomplete = True
            break
        progress(Path(sighting.path))
        is_incomplete |= not _is_added(found, sighting)
    return Scan(machine_facts(), found.environments(), is_incomplete=is_incomplete or walk.is_incomplete)


def default_roots() -> list[Path]:
    """Answer the home of who runs this; for the superuser, root's and all people's."""
    import pwd

    if os.geteuid() != 0:
        return [Path.home()]
    people = (user for user in pwd.getpwall() if _PEOPLE_SINCE_UID <= user.pw_uid != _NOBODY_UID)
    homes = dict.fromkeys([pwd.getpwuid(0).pw_dir, *(user.pw_dir for user in people)])
    return [Path(home) for home in homes if home != os.sep and os.path.isdir(home)]


class _Found:
    """Collects environments, each once."""

    def __init__(self) -> None:
        self._by_place: dict[tuple[int, int] | str, Environment] = {}

    def add(self, sighting: Sighting) -> None:
        layout = sighting.layout
        key = place_of(layout.real_python if layout.kind == "system" else layout.prefix) or layout.path
        known = self._by_place.get(key)
        if known is None:
            self._by_place[key] = read_layout(layout, named=sighting.path)
            return
        record = known.record
        paths = {shown(layout.path), shown(sighting.path), *record.also} - {record.path, record.python}
        also = msgspec.structs.replace(record, also=tuple(sorted(paths)))
        self._by_place[key] = msgspec.structs.replace(known, record=also)

    def environments(self) -> tuple[Environment, ...]:
        return tuple(sorted(self._by_place.values(), key=lambda environment: environment.record.path))


def _is_added(found: _Found, sighting: Sighting) -> bool:
    """Add it; False where it vanished or closed itself meanwhile, which must not end the scan."""
    try:
        found.add(sighting)
    except (OSError, InventoryError) as error:
        _log.warning("environment_skipped", path=shown(sighting.path), reason=str(error))
        return False
    return True


def _registered(tops: Iterable[Path]) -> Iterator[Sighting]:
    told = os.environ.get("PYENV_ROOT")
    if told and any(is_below(os.path.abspath(told), os.path.abspath(top)) for top in tops):
        yield from environments_in(os.path.join(told, "versions"))
    for top in tops:
        for kept in _KEPT_ENVIRONMENTS:
            yield from environments_in(os.path.join(os.path.abspath(top), kept))


def _of_the_system() -> Iterator[Sighting]:
    for folder in SYSTEM_FOLDERS:
        try:
            names = sorted(name for name in os.listdir(folder) if _INTERPRETER.fullmatch(name))
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, name)
            try:
                yield Sighting(locate(path), path)
            except InventoryError as error:
                _log.debug("interpreter_passed_over", path=path, reason=error.what)
