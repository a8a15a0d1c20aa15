"""The folders in which an interpreter would look for distributions, in its own order.

Rules (as ``getpath`` and ``site`` build ``sys.path``)
1. Standard library; the environment's site-packages; the user's; the base's. The latter two only where the
   environment sees them, or is no virtual one.
2. Debian's Python reads ``local/lib/pythonX.Y/dist-packages``, ``lib/python3/dist-packages``,
   ``lib/pythonX.Y/dist-packages``, and no site-packages. A Python whose standard library lies in ``lib64``
   (Fedora's) reads ``lib64`` before ``lib``, and both below ``local`` first; no other reads ``lib64``.
3. Each folder is followed by what its ``.pth`` files add: sorted by file name, relative to their folder,
   absent ones dropped, without recursion. ``import`` lines are never run; one that speaks of the path makes
   it ``unreadable``, for what it would add is not known. Of old, ``easy-install.pth`` put its folders first.
4. A ``.pth`` with a byte order mark loses its first line before 3.13; hidden ones count in old patch
   versions only.
5. The user's folder counts only if that user owns it. The user is who reads; for the superuser, the owner.
6. All is read on behalf of the environment's owner, wherever it lies: what its interpreter could not read for
   its owner is not read for others either.
"""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING, Literal

import msgspec

from envguard.domain.environment import ProblemDetail
from envguard.inventory.files import Reader, place_of, reader_for, reason_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from envguard.inventory.layout import Layout

FolderKind = Literal["library", "site", "debian", "added"]
"""Standard library, a site folder, Debian's own, or a place that a ``.pth`` added."""

_PTH_CAP_BYTES = 1024 * 1024
_PTH_TOTAL_CAP_BYTES = 16 * 1024 * 1024
"""Of all path files of one environment."""
_LINES_CAP = 10_000
"""Different ones of all its path files; each costs a look or two."""
_TO_THE_FRONT = b"sys.__egginsert"
"""In the last line of an ``easy-install.pth`` of old: its folders go before all others."""
_CHANGES_PATH = rb"(?m)^import[ \t](?!.*sys\.__plen).*(?:sys\.path\b|addsitedir)"
_HIDDEN_IGNORED_SINCE = {"3.8": 19, "3.9": 19, "3.10": 14, "3.11": 8, "3.12": 2}
"""First patch version that skips hidden ``.pth`` files; from 3.13 all do."""


class Folder(msgspec.Struct, frozen=True):
    """One place on the path; an added one may be a zip file."""

    path: str
    kind: FolderKind
    reader: Reader
    names: tuple[str, ...] | None = None
    """What it holds, sorted; None where it is no folder that can be listed."""
    added_by: str | None = None
    """The folder whose ``.pth`` names it."""


class SearchPath(msgspec.Struct, frozen=True):
    """What was found; ``problems`` are folders and files that should have been read and could not."""

    folders: tuple[Folder, ...]
    problems: tuple[ProblemDetail, ...]
    looked_at: tuple[str, ...]
    """All folders and ``.pth`` files that decided, also those that are absent."""


def home_of(uid: int) -> str | None:
    """Answer the home folder of a user; None where the system does not know one."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return None


def search_path_of(
    layout: Layout, version: str, *, home: Callable[[int], str | None] = home_of
) -> SearchPath:
    """Answer the folders of a layout whose interpreter has this whole version; ``home`` is a user's."""
    walk = _Walk(version, reader_for(layout.path if layout.kind == "user" else layout.prefix))
    for path, kind in _candidates(layout, home):
        walk.enter(path, kind)
    return walk.found()


class _Walk:
    """Collects folders; each real place once."""

    def __init__(self, version: str, reader: Reader) -> None:
        self._version = version
        self._reader = reader
        self._left_bytes = _PTH_TOTAL_CAP_BYTES
        self._named: set[str] = set()
        self._seen: set[tuple[int, int]] = set()
        self._front: list[Folder] = []
        self.folders: list[Folder] = []
        self.problems: list[ProblemDetail] = []
        self.looked_at: list[str] = []

    def enter(self, path: str, kind: FolderKind) -> None:
        if not self._is_new(path, is_promised=True):
            return
        names = self._names(path)
        self.folders.append(Folder(path, kind, self._reader, names))
        if kind != "library":
            for name in names or ():
                if name.endswith(".pth") and not (name.startswith(".") and skips_hidden(self._version)):
                    self._add_all(path, name)

    def found(self) -> SearchPath:
        """Answer what was collected."""
        return SearchPath((*self._front, *self.folders), tuple(self.problems), tuple(self.looked_at))

    def _add_all(self, folder: str, name: str) -> None:
        """Add what a path file names."""
        path = os.path.join(folder, name)
        self.looked_at.append(path)
        content = self._content(path)
        if re.search(_CHANGES_PATH, content):
            self._fail(path, "its code changes the path, and is not run")
        folders = self._front if _TO_THE_FRONT in content else self.folders
        for line in pth_lines(content, self._version):
            named = os.path.normpath(os.path.join(folder, line))
            if len(self._named) >= _LINES_CAP:
                self._fail(path, f"more than {_LINES_CAP} folders are named in such files")
                break
            if named not in self._named:
                self._named.add(named)
                self._add(named, folder, folders)

    def _content(self, path: str) -> bytes:
        """What a path file says; nothing where no interpreter could read it either, or it is a folder."""
        try:
            content = self._reader.read(path, cap_bytes=min(_PTH_CAP_BYTES, self._left_bytes))
            content.decode()
        except UnicodeDecodeError:
            self._fail(path, "not UTF-8: the interpreter would not start")
            return b""
        except OSError as error:
            if os.path.exists(path) and not os.path.isdir(path):
                self._fail(path, reason_of(error))
            return b""
        self._left_bytes -= len(content)
        return content

    def _add(self, path: str, added_by: str, folders: list[Folder]) -> None:
        if not self._is_new(path):
            return
        names = self._names(path) if os.path.isdir(path) else None
        folders.append(Folder(path, "added", self._reader, names, added_by))

    def _is_new(self, path: str, *, is_promised: bool = False) -> bool:
        """Whether something is there that was not seen yet; of what every Python has, why not is told."""
        self.looked_at.append(path)
        place = place_of(path)
        if place is None:
            error = _error_at(path)
            if isinstance(error, PermissionError) or (is_promised and error and error.errno != errno.ENOENT):
                self._fail(path, reason_of(error))
            return False
        if place in self._seen:
            return False
        self._seen.add(place)
        return True

    def _names(self, path: str) -> tuple[str, ...] | None:
        try:
            return tuple(self._reader.names(path))
        except OSError as error:
            self._fail(path, reason_of(error))
            return None

    def _fail(self, path: str, reason: str) -> None:
        self.problems.append(ProblemDetail("unreadable", None, f"{shown(path)}: {reason}"))


def pth_lines(content: bytes, version: str) -> list[str]:
    """Answer the paths that the UTF-8 text of a ``.pth`` file names."""
    text = content.decode("utf-8-sig" if minor_of(version) >= (3, 13) else "utf-8", "surrogateescape")
    lines = (line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return [
        line
        for line in lines
        if line and "\0" not in line and not line.startswith(("#", "import ", "import\t"))
    ]


def skips_hidden(version: str) -> bool:
    """Whether this Python leaves ``.pth`` files alone whose name begins with a dot."""
    minor = minor_of(version)
    since = _HIDDEN_IGNORED_SINCE.get(".".join(map(str, minor)))
    if since is None:
        return minor >= (3, 13)
    patch = re.match(r"\d+\.\d+\.(\d+)", version)
    return patch is not None and int(patch[1]) >= since


def minor_of(version: str) -> tuple[int, ...]:
    """Answer (3, 11) of ``3.11.7``; () where the version is not known."""
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdecimal() for part in parts) else ()


def _candidates(layout: Layout, home: Callable[[int], str | None]) -> Iterator[tuple[str, FolderKind]]:
    library = layout.library
    bases = dict.fromkeys(base for base in (layout.base, layout.prefix) if base and not layout.config)
    for base in [*bases, *([layout.base] if layout.config and layout.base else [])]:
        yield from _standard(base, library)
    if layout.prefix != layout.base:
        yield from _own_site(layout)
    if layout.sees_base_site:
        user = _user_site(layout, home)
        if user is not None:
            yield user, "site"
        if layout.base is not None:
            yield from _base_site(layout.base, library)


def _standard(base: str, library: str) -> Iterator[tuple[str, FolderKind]]:
    folder = os.path.join(base, _parents(base, library)[0], library)
    yield folder, "library"
    yield os.path.join(folder, "lib-dynload"), "library"


def _own_site(layout: Layout) -> Iterator[tuple[str, FolderKind]]:
    if layout.python.endswith(".exe"):
        yield os.path.join(layout.prefix, "Lib", "site-packages"), "site"
        return
    for library in [layout.library] if layout.build else _any_libraries(layout.prefix):
        yield from _site(layout.prefix, library, _parents(layout.base, library))


def _site(prefix: str, library: str, parents: Iterable[str]) -> Iterator[tuple[str, FolderKind]]:
    for parent in parents:
        yield os.path.join(prefix, parent, library, "site-packages"), "site"


def _parents(base: str | None, library: str) -> tuple[str, ...]:
    """The folders that hold library folders: ``lib64`` too where the standard library lies in it."""
    if base is None:
        return "lib", "lib64"
    place = place_of(os.path.join(base, "lib64", library, "os.py"))
    is_apart = place is not None and place != place_of(os.path.join(base, "lib", library, "os.py"))
    return ("lib64", "lib") if is_apart else ("lib",)


def _any_libraries(prefix: str) -> list[str]:
    """Of an environment whose Python nobody can tell: all that lie there."""
    try:
        return sorted(os.listdir(os.path.join(prefix, "lib")))
    except OSError:
        return []


def _base_site(base: str, library: str) -> Iterator[tuple[str, FolderKind]]:
    debian = os.path.join(
        base, "lib", "python3" if not library.startswith("python2") else library, "dist-packages"
    )
    if os.path.isdir(debian):
        yield os.path.join(base, "local", "lib", library, "dist-packages"), "site"
        yield debian, "debian"
        if not library.startswith("pypy"):
            yield os.path.join(base, "lib", library, "dist-packages"), "debian"
        return
    parents = _parents(base, library)
    if "lib64" in parents:
        yield from _site(os.path.join(base, "local"), library, parents)
    yield from _site(base, library, parents)


def _user_site(layout: Layout, home: Callable[[int], str | None]) -> str | None:
    if layout.kind == "user":
        return layout.path
    uid = os.geteuid() or reader_for(layout.prefix).uid
    folder = home(uid)
    if folder is None:
        return None
    folder = os.path.join(folder, ".local", "lib", layout.library, "site-packages")
    try:
        return folder if os.stat(folder).st_uid == uid else None
    except OSError:
        return None


def _error_at(path: str) -> OSError | None:
    try:
        os.stat(path)
    except OSError as error:
        return error
    return None
