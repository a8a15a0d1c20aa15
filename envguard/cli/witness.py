"""What one process looks at, noted while it looks: by it an answer is known to hold still.

Rules
1. Whatever is asked of a path goes through ``os``, or opens the file: both are noted here, by whoever asks.
   So nothing that ever decides can be forgotten in a list.
2. Of a regular file device, inode, mtime and ctime are noted, also where only its being there was asked. Of a
   folder that was listed the same; of one that was only passed through, which it is and whose.
3. What has another state at the second look changed meanwhile: then nothing holds.
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
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

Note = tuple[int, int, int, int]
"""Of a file device, inode, mtime and ctime; of a folder device, inode, mode and owner; of what is not there
the number of the error, in the third place."""

_KERNELS = ("/proc/", "/sys/", "/dev/")
_ASKING = ("stat", "lstat", "access", "readlink", "listdir", "scandir")


class Witness:
    """Notes what is looked at from :meth:`begin` until :meth:`end`."""

    def __init__(self, besides: str | None = None) -> None:
        """Nothing is noted yet; what lies in the folder ``besides`` never is."""
        self._besides = (*_KERNELS, f"{besides}/") if besides is not None else _KERNELS
        self.followed: dict[str, Note] = {}
        """What paths lead to."""
        self.links: dict[str, Note] = {}
        """What stands at paths, links themselves."""
        self.listed: dict[str, Note] = {}
        """Folders whose contents count."""
        self.is_whole = True
        """Whether everything could be noted."""
        self._stat, self._lstat = os.stat, os.lstat
        self._asked = {name: getattr(os, name) for name in _ASKING}
        self._is_noting = False

    def begin(self) -> None:
        """Note from now on. An audit hook stays until the process ends."""
        self._is_noting = True
        for name, note in zip(
            _ASKING,
            (self._follow, self._link, self._follow, self._link, self._list, self._list),
            strict=True,
        ):
            setattr(os, name, self._noting(self._asked[name], note))
        sys.addaudithook(self._hear)

    def end(self) -> None:
        """Note nothing more."""
        self._is_noting = False
        for name, asked in self._asked.items():
            setattr(os, name, asked)

    def add(self, paths: Iterable[str]) -> None:
        """Note files that were read by other ways."""
        for path in paths:
            self._follow(path)

    def newest_ns(self) -> int:
        """When what was noted changed last, by the clock of its file system; ctime cannot be set back."""
        return max((note[3] for note in self._timed()), default=0)

    def _timed(self) -> Iterator[Note]:
        for notes in (self.followed, self.links, self.listed):
            yield from notes.values()

    def _noting(self, asked: Callable[..., Any], note: Callable[[object], None]) -> Callable[..., Any]:
        """The function of ``os`` that notes a path before it answers."""

        def asking(path: Any = ".", *more: Any, **options: Any) -> Any:
            if options.get("dir_fd") is not None:
                self.is_whole = False
            elif not isinstance(path, int):
                (note if options.get("follow_symlinks", True) else self._link)(path)
            return asked(path, *more, **options)

        return asking

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and self._is_noting:
            path = arguments[0]
            if not isinstance(path, int) and not str(path).endswith(".pyc"):
                self._follow(path)

    def _follow(self, path: object) -> None:
        self._note(self.followed, path, self._stat)

    def _link(self, path: object) -> None:
        self._note(self.links, path, self._lstat)

    def _list(self, path: object) -> None:
        self._note(self.listed, path, self._stat)

    def _note(self, notes: dict[str, Note], named: object, look: Callable[[str], os.stat_result]) -> None:
        path = os.fspath(named) if isinstance(named, os.PathLike) else named
        if not isinstance(path, str) or not _is_text(path):
            self.is_whole = False
        elif not path.startswith(self._besides):
            try:
                status = look(path)
            except OSError as error:
                self._put(self.followed if notes is self.listed else notes, path, _absent(error))
            except ValueError:
                return  # a name with a zero in it leads nowhere, today and tomorrow
            else:
                is_passed = stat.S_ISDIR(status.st_mode) and notes is not self.listed
                self._put(notes, path, _passed(status) if is_passed else _timed(status))

    def _put(self, notes: dict[str, Note], path: str, note: Note) -> None:
        if notes.setdefault(path, note) != note:
            self.is_whole = False


def _timed(status: os.stat_result) -> Note:
    return status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def _passed(status: os.stat_result) -> Note:
    return status.st_dev, status.st_ino, status.st_mode, status.st_uid


def _absent(error: OSError) -> Note:
    return 0, 0, error.errno or 0, 0


def _is_text(path: str) -> bool:
    return path.isascii() or all(not "\ud800" <= character <= "\udfff" for character in path)
