"""What one process looks at, noted while it looks: by it an answer is known to hold still.

Rules
1. Whatever is asked of a path goes through ``os``, or opens the file: both are noted here, by whoever asks.
   So nothing that ever decides can be forgotten in a list.
2. A path is noted as it was at the first look, before anything is read of it.
3. Of a file device, inode, mtime and ctime are noted, also where only its being there was asked. Of a folder
   that was listed the same; of one that was only passed through, which it is, whose, and who may enter.
4. What envguard keeps only to be faster decides nothing. What the kernel tells (``/proc``, ``/sys``,
   ``/dev``) is no file: a boot and a day end what it decides.
5. A path that was asked below an open folder, or that is no text, is not followed: then nothing holds.
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
        for name, watcher in _WATCHERS.items():
            setattr(os, name, watcher(self, self._asked[name]))
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
        seen = (self._followed, self._links, self._listed)
        if self._is_lost or not all(_is_text(path) for each in seen for path in each):
            return None
        absent = {path: status for path, status in self._listed.items() if not _is_folder(status)}
        return Notes(
            self._noted({**absent, **self._followed}),
            self._noted(self._links),
            {
                path: _timed(status)
                for path, status in self._mine(self._listed)
                if path not in absent and not isinstance(status, int)
            },
        )

    def _noted(self, seen: _Seen) -> dict[str, Note]:
        return {path: _note_of(status) for path, status in self._mine(seen)}

    def _mine(self, seen: _Seen) -> Iterable[tuple[str, os.stat_result | int]]:
        named = ((os.fspath(path), status) for path, status in seen.items() if isinstance(path, _PATHS))
        return ((path, status) for path, status in named if not self._is_nothing(path, status))

    def _is_nothing(self, path: str, status: os.stat_result | int) -> bool:
        """Whether it decides nothing; nor does it that the way to our own files was not made yet."""
        place = f"{path}/"
        if isinstance(status, int) and any(folder.startswith(place) for folder in self._besides):
            return True
        return place.startswith((*_KERNELS, *self._besides))

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and self._is_noting:
            path = arguments[0]
            if path not in self._followed and not isinstance(path, int) and not str(path).endswith(".pyc"):
                self._look(self._followed, path)

    def _look(self, seen: _Seen, path: Any) -> None:
        """Note a path that is about to be read, or was not asked for its status."""
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

    def watch_listing(self, asked: Callable[..., Any]) -> Callable[..., Any]:
        """Answer ``os.listdir`` or ``os.scandir`` with a note of each folder."""
        return self._watching(asked, self._listed)

    def _watching(self, asked: Callable[..., Any], seen: _Seen) -> Callable[..., Any]:
        def ask(path: Any = ".", *more: Any, **options: Any) -> Any:
            if options.get("dir_fd") is not None or isinstance(path, int):
                self._is_lost = True
            else:
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
    "listdir": Witness.watch_listing,
    "scandir": Witness.watch_listing,
}
_PATHS = (str, os.PathLike)


def _note_of(status: os.stat_result | int) -> Note:
    if isinstance(status, int):
        return 0, 0, status, 0
    return (
        (status.st_dev, status.st_ino, status.st_mode, status.st_uid)
        if _is_folder(status)
        else _timed(status)
    )


def _timed(status: os.stat_result) -> Note:
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def _is_folder(status: os.stat_result | int) -> bool:
    return not isinstance(status, int) and stat.S_ISDIR(status.st_mode)


def _is_text(path: object) -> bool:
    name = os.fspath(path) if isinstance(path, os.PathLike) else path
    return isinstance(name, str) and (
        name.isascii() or all(not "\ud800" <= character <= "\udfff" for character in name)
    )
