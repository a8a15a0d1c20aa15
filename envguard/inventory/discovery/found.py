"""What a scan has found so far: each environment once, whatever paths lead to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from envguard.errors import InventoryError
from envguard.inventory.environment import read_layout
from envguard.inventory.files import place_of, reason_of, shown

if TYPE_CHECKING:
    from collections.abc import Collection

    from envguard.domain.environment import Environment, EnvironmentKind
    from envguard.inventory.discovery.mounts import Mounts
    from envguard.inventory.discovery.sight import Notes, Sighting
    from envguard.inventory.layout import Layout


class Read(Protocol):
    """Answers the environment of a layout."""

    def __call__(self, layout: Layout, *, named: str) -> Environment:
        """``named`` is the path by which it was reached. Raises InventoryError or OSError."""
        ...


class Found:
    """Reads what is come upon, if its kind is wanted, and adds paths and names to what is known."""

    def __init__(
        self,
        mounts: Mounts,
        notes: Notes,
        kinds: Collection[EnvironmentKind] | None = None,
        *,
        read: Read | None = None,
    ) -> None:
        """Read environments of these kinds only; None means all.

        ``read`` reads what lies on this machine's own file systems, and may remember it. What lies on a
        network is read each time: its times are told by another machine's clock.
        """
        self._mounts = mounts
        self._notes = notes
        self._kinds = kinds
        self._read = read or read_layout
        self._by_place: dict[tuple[int, int] | str, Environment] = {}

    def add(self, sighting: Sighting) -> None:
        """Add it; InventoryError or OSError where it cannot be read at all."""
        layout = sighting.layout
        if self._kinds is not None and layout.kind not in self._kinds:
            return
        key = _key(sighting)
        known = self._by_place.get(key)
        if known is None:
            shared = self._mounts.shared_name_of(layout.path)
            known = (read_layout if shared else self._read)(layout, named=sighting.path)
            known = _with(known, shared_as=shared) if shared is not None else known
        self._by_place[key] = _merged(known, sighting)

    def try_add(self, sighting: Sighting) -> None:
        """Add it, or note why not: it may have vanished or closed itself meanwhile."""
        try:
            self.add(sighting)
        except InventoryError as error:
            self._notes.fail(sighting.path, error.what)
        except OSError as error:
            self._notes.fail(sighting.path, reason_of(error))
        except (ValueError, RecursionError) as error:
            # A file that nobody foresaw costs its own environment, and not all the others.
            self._notes.fail(sighting.path, f"cannot be understood: {type(error).__name__}")

    def environments(self) -> tuple[Environment, ...]:
        """Answer what was found, sorted by path."""
        return tuple(sorted(self._by_place.values(), key=lambda environment: environment.record.path))


def _key(sighting: Sighting) -> tuple[int, int] | str:
    layout = sighting.layout
    match layout.kind:
        case "system" if layout.path == layout.real_python:
            place = place_of(layout.path)
        case "user":
            place = place_of(layout.path)
        case _:
            place = place_of(layout.prefix)
    return place or layout.path


def _merged(known: Environment, sighting: Sighting) -> Environment:
    record = known.record
    paths = {shown(sighting.layout.path), shown(sighting.path), *record.also} - {record.path, record.python}
    names = {*sighting.names, *sighting.layout.names, *record.names}
    if len(paths) == len(record.also) and len(names) == len(record.names):
        return known
    return _with(known, also=tuple(sorted(paths)), names=tuple(sorted(names)))


def _with(environment: Environment, **fields: object) -> Environment:
    record = msgspec.structs.replace(environment.record, **fields)
    return msgspec.structs.replace(environment, record=record)
