"""The distributions of an environment that say what they installed, and where their files may lie.

Rules
1. Only what counts is looked at: of two folders that hold one name the first, and nothing that pip left over.
2. A RECORD that came inside a package of the system's or conda's is of the build: those strip, move and patch
   files afterwards and do not say so in it. Their own lists tell, not this one.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from envguard.errors import InventoryError
from envguard.inventory.distributions import DIST_INFO, name_in, normalised
from envguard.inventory.files import Reader, is_below, place_shown_as
from envguard.inventory.layout import locate, of_user
from envguard.inventory.metadata import read_headers
from envguard.inventory.search_path import search_path_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from envguard.domain.environment import Environment, EnvironmentRecord
    from envguard.inventory.layout import Layout
    from envguard.inventory.search_path import Folder

_INSTALLERS_OF_BUILDS = frozenset({b"conda", b"debian", b"rpm"})
_INSTALLER_CAP_BYTES = 256


class Recorded:
    """A distribution with a RECORD. It remembers which folders its owner may enter."""

    def __init__(self, name: str, dist_info: str, reader: Reader) -> None:
        """Its rows are relative to the folder that holds ``dist_info``."""
        self.name = name
        self.record = os.path.join(dist_info, "RECORD")
        self.reader = reader
        self._base = os.path.dirname(dist_info)
        self._limit = prefix_of(self._base)
        self._enterable: dict[str, bool] = {}

    def path_of(self, place: str) -> str | None:
        """Answer where a row's file lies; None where that is outside the prefix."""
        if place.startswith(os.sep) or ".." in place:
            place = os.path.normpath(os.path.join(self._base, place))
            return place if is_below(place, self._limit) else None
        return f"{self._base}/{place}"

    def status_of(self, path: str) -> os.stat_result:
        """Answer what the path leads to; PermissionError where that is somewhere the owner may not go."""
        folder = os.path.dirname(path)
        if folder not in self._enterable:
            self._enterable[folder] = self.reader.may_enter(folder)
        status = os.lstat(path) if self._enterable[folder] else None
        if status is not None and stat.S_ISLNK(status.st_mode):
            leads_to = os.path.dirname(os.path.realpath(path))
            status = os.stat(path) if self.reader.may_enter(leads_to) else None
        if status is None:
            raise PermissionError(errno.EACCES, "not for the owner to enter", path)
        return status


def recorded_in(environment: Environment, is_over: Callable[[], bool] = lambda: False) -> list[Recorded]:
    """Answer the distributions that an environment's interpreter would find and that have a RECORD.

    When ``is_over`` says so, the rest is answered unread: by the names of its folders, RECORD or not.
    Raises InventoryError where there is no such environment any more.
    """
    path = search_path_of(layout_of(environment.record), environment.snapshot.interpreter.version)
    found: list[Recorded] = []
    known: set[str] = set()
    for folder in path.folders:
        here: list[str] = []
        for entry in _dist_infos(folder):
            is_unread = is_over()
            name = name_in(entry) if is_unread else _name_of(folder, entry)
            place = os.path.join(folder.path, entry)
            if name not in known and (is_unread or _has_record(folder, place)):
                found.append(Recorded(name, place, folder.reader))
            here.append(name)
        known.update(here)
    return found


def layout_of(record: EnvironmentRecord) -> Layout:
    """Answer the parts of an environment that was read before.

    Raises InventoryError where there is no such environment any more.
    """
    path = place_shown_as(record.path)
    if record.kind != "user":
        return locate(path)
    if not os.path.isdir(path):
        raise InventoryError("no such folder", where=record.path, hint="envguard scan")
    return of_user(locate(place_shown_as(record.python)), path)


def prefix_of(folder: str) -> str:
    """Answer the folder inside which a site folder's packages may lie; another folder is its own limit."""
    above, name = os.path.split(folder)
    if name not in ("site-packages", "dist-packages"):
        return folder
    prefix = (
        os.path.dirname(above)
        if os.path.basename(above) == "Lib"
        else os.path.dirname(os.path.dirname(above))
    )
    return folder if prefix == os.path.dirname(prefix) else prefix


def _dist_infos(folder: Folder) -> Iterator[str]:
    for name in folder.names or ():
        if name.lower().endswith(DIST_INFO) and not name.startswith("~"):
            yield name


def _has_record(folder: Folder, dist_info: str) -> bool:
    """Whether the installer wrote down here what it installed."""
    if folder.kind == "debian" or not os.path.lexists(os.path.join(dist_info, "RECORD")):
        return False
    try:
        installer = folder.reader.read(os.path.join(dist_info, "INSTALLER"), cap_bytes=_INSTALLER_CAP_BYTES)
    except OSError:
        return True
    return installer.strip().lower() not in _INSTALLERS_OF_BUILDS


def _name_of(folder: Folder, entry: str) -> str:
    """The name in its metadata, else in the name of its folder, as the snapshot has it."""
    try:
        name = read_headers(folder.reader, os.path.join(folder.path, entry, "METADATA")).name
    except OSError:
        name = None
    return normalised(name) if name else name_in(entry)
