"""What one process looks at, noted while it looks: by it an answer is known to hold still.

Rules
1. Whatever is asked of a path goes through ``os``, or opens or lists it: all are noted here, whoever asks.
   So nothing that ever decides can be forgotten in a list.
2. A path is noted as it was at the first look, before anything is read of it.
3. Of a file device, inode, mtime and ctime are noted, also where only its being there was asked. Of a folder
   that was listed the same; of one that was only passed through, which it is, whose, and who may enter.
4. What envguard keeps only to be faster decides nothing. What the kernel tells (``/proc``, ``/sys``,
   ``/dev``) is no file: a boot and a day end what it decides.
5. Where Python looked for modules is noted as well: another one there would be another envguard.
6. A path that was asked below an open folder, or that is no text, is not followed: then nothing holds.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

Note = tuple[int, int, int, int]
"""Of a file device, inode, mtime and ctime; of a folder device, inode, mode and owner; of what is not there
the number of the error, in the third place."""

_KERNELS = ("/proc/", "/sys/", "/dev/")
_LISTING = ("os.listdir", "os.scandir")

_Seen = dict[object, "os.stat_result | int"]
"""The first look at each path; the number of the error where nothing was there."""


class Witness:
    """Notes what is looked at from :meth:`begin` until :meth:`end`."""

    def __init__(self, besides: Iterable[str] = ()) -> None:
        """Nothing is noted yet; what lies in the folders ``besides`` never is."""
        self._besides = tuple(f"{folder}/" for folder in besides)
        self._followed: _Seen = {}
        self._links: _Seen = {}
        self._listed: _Seen = {}
        self._is_noting = False
        self._is_lost = False
        self._asked = {name: getattr(os, name) for name in _WATCHERS}

    def begin(self) -> None:
        """Note from now on. An audit hook stays until the process ends."""
        self._is_noting = True
        # Until 3.10 pathlib asks by the functions that it found when it was imported.
        self._is_lost = sys.version_info < (3, 11) and "pathlib" in sys.modules
        for name, watcher in _WATCHERS.items():
            # As what is built in, it is no method of a class that keeps it, as pathlib's does until 3.10.
            setattr(os, name, staticmethod(watcher(self, self._asked[name])))
        sys.addaudithook(self._hear)

    def end(self) -> None:
        """Note nothing more."""
        self._is_noting = False
        for name, asked in self._asked.items():
            setattr(os, name, asked)

    def add(self, paths: Iterable[str]) -> None:
        """Note files that were read by other ways."""
        for path in paths:
            self._look(self._followed, path)

    def notes(self) -> Notes | None:
        """Answer what was noted; None where something could not be."""
        if self._is_lost:
            return None
        absent = {path: status for path, status in self._listed.items() if not _is_folder(status)}
        listed = {path: status for path, status in self._listed.items() if path not in absent}
        try:
            return Notes(
                self._noted({**absent, **self._followed}),
                self._noted(self._links),
                self._noted(listed, is_listed=True),
            )
        except UnicodeError:
            return None  # a name that is no text

    def _noted(self, seen: _Seen, *, is_listed: bool = False) -> dict[str, Note]:
        """What of this decides something; in one loop, as two thousand calls would take as long again."""
        nothing = (*_KERNELS, *self._besides)
        noted: dict[str, Note] = {}
        for path, status in seen.items():
            name = path if type(path) is str else _name_of(path)
            if not name.isascii():
                name.encode()
            if f"{name}/".startswith(nothing):
                continue
            if isinstance(status, int):
                if not self._leads_to_ours(name):
                    noted[name] = 0, 0, status, 0
            elif is_listed or status.st_mode & _TYPES != _FOLDER:
                noted[name] = status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns
            else:
                noted[name] = status.st_dev, status.st_ino, status.st_mode, status.st_uid
        return noted

    def _leads_to_ours(self, absent: str) -> bool:
        """Whether it is but the way to our own files, which was not made yet."""
        return any(folder.startswith(f"{absent}/") for folder in self._besides)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._is_noting:
            return
        if event == "open":
            path = arguments[0]
            if path not in self._followed and not isinstance(path, int) and not str(path).endswith(".pyc"):
                self._look(self._followed, path)
        elif event in _LISTING:
            self._look(self._listed, "." if arguments[0] is None else arguments[0])

    def _look(self, seen: _Seen, path: Any) -> None:
        """Note a path that is about to be read, or was not asked for its status."""
        if isinstance(path, int):
            self._is_lost = True
        if path in seen:
            return
        look = self._asked["lstat" if seen is self._links else "stat"]
        try:
            seen[path] = look(path)
        except OSError as error:
            seen[path] = error.errno or 0
        except ValueError:
            seen[path] = 0  # a name with a zero in it leads nowhere

    def watch_status(self, asked: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        """Answer ``os.stat`` with a note of each answer."""

        def look(path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
            if dir_fd is not None:
                self._is_lost = True
            seen = self._followed if follow_symlinks else self._links
            try:
                status = asked(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)
            except OSError as error:
                seen.setdefault(path, error.errno or 0)
                raise
            if path not in seen and not isinstance(path, int):
                seen[path] = status
            return status

        return look

    def watch_link(self, asked: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        """Answer ``os.lstat`` with a note of each answer."""
        seen = self._links

        def look(path: Any, *, dir_fd: int | None = None) -> os.stat_result:
            if dir_fd is not None:
                self._is_lost = True
            try:
                status = asked(path, dir_fd=dir_fd)
            except OSError as error:
                seen.setdefault(path, error.errno or 0)
                raise
            if path not in seen:
                seen[path] = status
            return status

        return look

    def watch_use(self, asked: Callable[..., Any]) -> Callable[..., Any]:
        """Answer ``os.access`` with a note of each path."""
        return self._watching(asked, self._followed)

    def watch_target(self, asked: Callable[..., Any]) -> Callable[..., Any]:
        """Answer ``os.readlink`` with a note of each path."""
        return self._watching(asked, self._links)

    def _watching(self, asked: Callable[..., Any], seen: _Seen) -> Callable[..., Any]:
        def ask(path: Any, *more: Any, **options: Any) -> Any:
            if options.get("dir_fd") is not None:
                self._is_lost = True
            self._look(seen, path)
            return asked(path, *more, **options)

        return ask


class Notes:
    """What was looked at, and how it was."""

    def __init__(
        self, followed: Mapping[str, Note], links: Mapping[str, Note], listed: Mapping[str, Note]
    ) -> None:
        """``followed`` is what paths lead to, ``links`` what stands there; ``listed`` are folders."""
        self.followed = followed
        self.links = links
        self.listed = listed

    def newest_ns(self) -> int:
        """When what was noted changed last, by the clock of its file system; ctime cannot be set back."""
        every = (note[3] for notes in (self.followed, self.links, self.listed) for note in notes.values())
        return max(every, default=0)


_WATCHERS: dict[str, Callable[[Witness, Callable[..., Any]], Callable[..., Any]]] = {
    "stat": Witness.watch_status,
    "lstat": Witness.watch_link,
    "access": Witness.watch_use,
    "readlink": Witness.watch_target,
}
_TYPES, _FOLDER = 0o170000, stat.S_IFDIR


def _name_of(path: object) -> str:
    """The name of what is no string; UnicodeError where it is no text either."""
    name = os.fspath(path) if isinstance(path, os.PathLike) else None
    if not isinstance(name, str):
        raise UnicodeError
    return name


def _is_folder(status: os.stat_result | int) -> bool:
    return not isinstance(status, int) and stat.S_ISDIR(status.st_mode)
