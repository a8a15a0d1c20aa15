"""Where environments may lie below some folders, found without entering one and without looking everywhere.

Rules
1. A folder is listed once; the names tell whether it is worth asking whether it is an environment, and an
   environment is not entered, unless it is a root. (Asking each folder for its markers before listing it
   took four more system calls a folder, and twice the time.)
2. Nearer folders first, so that what a time budget cuts off is what lies deepest.
3. No other file systems, save where all are wanted; never what another machine holds. No linked folders (a
   link that *is* an environment counts), no folder of more entries than any project has, no caches,
   version-control stores and files of containers.
4. What should have been looked into and could not be is told, a root of too many entries too; so is what was
   passed over on purpose.
"""

from __future__ import annotations

import os
import sys
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from envguard.inventory import conda_records
from envguard.inventory.files import is_absent, place_of, reason_of, shown
from envguard.inventory.layout import has_config, has_marker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from envguard.inventory.discovery.mounts import Answers
    from envguard.inventory.discovery.sight import Eye, Notes, Sighting

ENTRIES_CAP = 20_000
"""A folder with more entries holds data."""

_ENVIRONMENT_NAMES = frozenset({".venv", "venv", ".env", "env"})
"""A link of such a name is an environment to somebody, whether or not it can be asked."""

_MARKS = frozenset({"pyvenv.cfg", "bin", "Scripts", conda_records.FOLDER})
"""Without one of these names in it, a folder is no environment."""

_CONDA_CACHE = "urls.txt"
"""What conda keeps in ``pkgs``, where it unpacks whole Pythons to link to."""

_OWN = frozenset({"bin", "lib", "lib64", "include", "Scripts", "Lib", "Include"})
"""What an environment that is a root keeps there is its own."""

_TOLD_BY = frozenset({"pyvenv.cfg", _CONDA_CACHE})

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
_CONTAINERS = (".local/share/containers", ".local/share/docker")
"""Where rootless podman and docker keep the files of containers."""


class _Root(msgspec.Struct, frozen=True):
    """A folder to walk: by its own name, which people use, and by its real one, which mounts have."""

    name: str
    real: str

    def real_path_of(self, path: str) -> str:
        return path if self.name == self.real else self.real + path[len(self.name) :]


class _Listing(msgspec.Struct, frozen=True):
    is_marked: bool
    """Whether it may be an environment."""
    folders: tuple[str, ...] = ()
    links: tuple[str, ...] = ()

    def without(self, names: Collection[str]) -> _Listing:
        """The same without what is called so."""
        folders, links = (
            tuple(path for path in paths if os.path.basename(path) not in names)
            for paths in (self.folders, self.links)
        )
        return _Listing(self.is_marked, folders, links)


class Walk:
    """Goes through folders once; ``is_incomplete`` afterwards tells whether time ran out."""

    def __init__(
        self,
        eye: Eye,
        notes: Notes,
        answers: Answers,
        *,
        is_over: Callable[[], bool],
        progress: Callable[[str], None],
        all_file_systems: bool = False,
    ) -> None:
        """Stop when ``is_over`` says so; ``progress`` hears of each folder that is entered."""
        self._eye = eye
        self._notes = notes
        self._answers = answers
        self._mounts = answers.mounts
        self._is_over = is_over
        self._progress = progress
        self._all_file_systems = all_file_systems
        self._queue: deque[tuple[str, _Root]] = deque()
        self._seen: set[tuple[int, int]] = set()
        self._roots: set[str] = set()
        self.is_incomplete = False

    def environments(self, roots: Iterable[str]) -> Iterator[Sighting]:
        """Yield what is found below the roots, the nearest first; one may come by several paths."""
        for root in roots:
            self._start(root)
        while self._queue:
            if self._is_over():
                self.is_incomplete = True
                return
            yield from self._enter(*self._queue.popleft())

    def _start(self, name: str) -> None:
        if not self._eye.should_ask(name):
            return
        try:
            is_new = self._is_new(os.stat(name))
        except OSError as error:
            self._notes.fail(name, reason_of(error))
            return
        if is_new:
            root = _Root(name, os.path.realpath(name))
            self._roots.add(root.real)
            self._queue.append((name, root))

    def _enter(self, folder: str, root: _Root) -> Iterator[Sighting]:
        if self._eye.avoids(folder):
            return
        self._progress(folder)
        listing = self._list(folder, is_root=folder == root.name)
        if listing is None:
            return
        if listing.is_marked:
            sighting = self._eye.look_at_folder(folder)
            if sighting is not None:
                yield sighting
            if sighting is not None or has_config(folder):
                if folder != root.name:
                    return
                listing = listing.without(_OWN)
        for link in listing.links:
            yield from self._follow(link)
        self._queue.extend((path, root) for path in listing.folders if self._may_enter(path, root))

    def _list(self, folder: str, *, is_root: bool) -> _Listing | None:
        """What is in a folder; None where there is no reason to go on, which is noted."""
        try:
            listing = _listing_of(folder)
        except OSError as error:
            if has_marker(folder):
                return _Listing(is_marked=True)
            if not is_absent(error):
                self._notes.fail(folder, reason_of(error))
            return None
        if listing is not None or has_marker(folder):
            return listing or _Listing(is_marked=True)
        note = self._notes.fail if is_root else self._notes.pass_over
        note(folder, f"more than {ENTRIES_CAP} entries")
        return None

    def _follow(self, link: str) -> Iterator[Sighting]:
        """A link to a folder counts if that is an environment."""
        if self._eye.avoids(link):
            return
        self._progress(link)
        if not self._answers.has_answered(link):
            if os.path.basename(link) in _ENVIRONMENT_NAMES:
                self._notes.fail_silent(link)
            else:
                self._notes.pass_over(link, "links to what does not answer")
            return
        sighting = self._eye.look_at_folder(link) if os.path.isdir(link) else None
        if sighting is not None:
            yield sighting

    def _may_enter(self, path: str, root: _Root) -> bool:
        real = root.real_path_of(path)
        if real in self._roots:
            return False
        mount = self._mounts.at(real)
        if mount is None:
            return self._mounts.are_known or self._is_near(path)
        if not self._all_file_systems:
            self._notes.pass_over(path, f"another file system: {shown(mount.kind)}")
            return False
        if self._eye.avoids(path):
            return False
        self._progress(path)
        return self._has_new_place(path)

    def _is_near(self, path: str) -> bool:
        """Where no table tells of mounts: whether it is on the file system of its parent."""
        here, there = place_of(path), place_of(os.path.dirname(path))
        is_other = here is not None and there is not None and here[0] != there[0]
        if is_other and not self._all_file_systems:
            self._notes.pass_over(path, "another file system")
            return False
        return self._has_new_place(path)

    def _has_new_place(self, path: str) -> bool:
        if not self._answers.has_answered(path):
            self._notes.fail_silent(path)
            return False
        try:
            return self._is_new(os.stat(path))
        except OSError as error:
            self._notes.fail(path, reason_of(error))
            return False

    def _is_new(self, status: os.stat_result) -> bool:
        place = status.st_dev, status.st_ino
        is_new = place not in self._seen
        self._seen.add(place)
        return is_new


def _listing_of(folder: str) -> _Listing | None:
    """What is in a folder, sorted, without what never matters; None where it has too many entries."""
    folders: list[str] = []
    links: list[str] = []
    names: set[str] = set()
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries, start=1):
            if count > ENTRIES_CAP:
                return None
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _SKIPPED:
                    folders.append(entry.path)
                names.add(entry.name)
            elif entry.is_symlink():
                links.append(entry.path)
                names.add(entry.name)
            elif entry.name in _TOLD_BY:
                names.add(entry.name)
    if _CONDA_CACHE in names and folder.endswith(f"{os.sep}pkgs"):
        return _Listing(is_marked=False)
    folders.sort()
    links.sort()
    return _Listing(not names.isdisjoint(_MARKS), tuple(_wanted(folders)), tuple(links))


def _wanted(folders: Iterable[str]) -> Iterator[str]:
    for folder in folders:
        if not folder.endswith(_CONTAINERS) and not (
            sys.platform == "darwin" and os.path.basename(folder) in _SKIPPED_ON_MACOS
        ):
            yield folder
