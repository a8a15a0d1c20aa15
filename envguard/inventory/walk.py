"""Where environments may lie below some folders, found without entering one and without looking everywhere.

Rules
1. A folder is asked for its marker (``pyvenv.cfg``, ``bin/python``) before it is listed; an environment is
   not entered.
2. Nearer folders first, so that what a time budget cuts off is what lies deepest.
3. No other file systems, no linked folders (a link that *is* an environment counts), no folder of more
   entries than any project has, no caches and version-control stores.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envguard.errors import InventoryError
from envguard.inventory.layout import Layout, has_config, has_marker, locate
from envguard.log import get_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

ENTRIES_CAP = 20_000
"""A folder with more entries holds data."""

_SKIPPED = frozenset(
    {
        ".git",
        ".hg",
        ".svn",
        ".jj",
        "node_modules",
        "__pycache__",
        ".cache",
        ".cargo",
        ".rustup",
        ".npm",
        ".nvm",
    }
    | {".mozilla", ".thunderbird", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".Trash", "lost+found"}
)
_SKIPPED_ON_MACOS = frozenset({"Library", "Desktop", "Documents", "Downloads", "Movies", "Music", "Pictures"})

_log = get_log(__name__)


class Sighting(msgspec.Struct, frozen=True):
    """An environment, and the path by which it was come upon."""

    layout: Layout
    path: str


class Walk:
    """Goes through folders once; ``is_incomplete`` afterwards tells whether time ran out."""

    def __init__(self, *, is_over: Callable[[], bool], progress: Callable[[Path], None]) -> None:
        """Stop when ``is_over`` says so; ``progress`` hears of each folder that is entered."""
        self._is_over = is_over
        self._progress = progress
        self._queue: deque[tuple[str, int]] = deque()
        self._seen: set[tuple[int, int]] = set()
        self.is_incomplete = False

    def environments(self, roots: Iterable[Path]) -> Iterator[Sighting]:
        """Yield what is found below the roots, the nearest first; one may come by several paths."""
        for root in roots:
            yield from self._look(os.path.abspath(root), device=None)
        while self._queue:
            if self._is_over():
                self.is_incomplete = True
                return
            folder, device = self._queue.popleft()
            self._progress(Path(folder))
            for path, is_link in _subfolders(folder):
                yield from _only(path) if is_link else self._look(path, device=device)

    def _look(self, folder: str, *, device: int | None) -> Iterator[Sighting]:
        sighting = environment_at(folder)
        if sighting is not None:
            yield sighting
            return
        try:
            status = os.stat(folder)
        except OSError:
            return
        place = status.st_dev, status.st_ino
        if place not in self._seen and device in (None, status.st_dev):
            self._seen.add(place)
            self._queue.append((folder, status.st_dev))


def environment_at(folder: str) -> Sighting | None:
    """Answer the environment that this very folder is; None where it only links to an interpreter."""
    if not has_marker(folder):
        return None
    try:
        layout = locate(folder)
    except InventoryError as error:
        _log.debug("folder_passed_over", folder=folder, reason=error.what)
        return None
    is_own = has_config(folder) or layout.prefix == os.path.realpath(folder)
    return Sighting(layout, folder) if is_own else None


def environments_in(folder: str) -> Iterator[Sighting]:
    """Yield the environments directly below a folder that a tool keeps for them, if it is there."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        yield from _only(os.path.join(folder, name))


def _only(path: str) -> Iterator[Sighting]:
    sighting = environment_at(path)
    if sighting is not None:
        yield sighting


def _subfolders(folder: str) -> list[tuple[str, bool]]:
    """Folders to look at, and whether each is a link; sorted, without those that never matter."""
    found: list[tuple[str, bool]] = []
    try:
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries, start=1):
                if count > ENTRIES_CAP:
                    _log.info("folder_passed_over", folder=folder, reason="too many entries")
                    return []
                if not _is_skipped(entry.name) and _is_folder(entry):
                    found.append((entry.path, entry.is_symlink()))
    except OSError as error:
        _log.info("folder_passed_over", folder=folder, reason=error.strerror)
    return sorted(found)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_skipped(name: str) -> bool:
    return name in _SKIPPED or (sys.platform == "darwin" and name in _SKIPPED_ON_MACOS)
