"""The folders in which an interpreter would look for distributions, in its own order.

Rules (as ``getpath`` and ``site`` build ``sys.path``)
1. Standard library; the environment's site-packages; the user's; the base's. The latter two only where the
   environment sees them, or is no virtual one.
2. Debian's Python reads ``local/lib/pythonX.Y/dist-packages``, ``lib/python3/dist-packages``,
   ``lib/pythonX.Y/dist-packages``, and no site-packages. A Python whose standard library lies in ``lib64``
   (Fedora's) reads ``lib64`` before ``lib``, and both below ``local`` first; no other reads ``lib64``.
3. Each folder is followed by what its ``.pth`` files add: sorted by file name, relative to their folder,
   absent ones dropped, without recursion. ``import`` lines are never run.
4. A ``.pth`` with a byte order mark loses its first line before 3.13; hidden ones count in old patch
   versions only.
5. The user's folder counts only if that user owns it. The user is who reads; for the superuser, the owner.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

import msgspec

from envguard.domain.environment import ProblemDetail
from envguard.inventory.files import Reader, place_of, reader_for, reason_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envguard.inventory.layout import Layout

FolderKind = Literal["library", "site", "debian", "added"]
"""Standard library, a site folder, Debian's own, or a place that a ``.pth`` added."""

_PTH_CAP_BYTES = 1024 * 1024
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


def search_path_of(layout: Layout, version: str) -> SearchPath:
    """Answer the folders of a layout whose interpreter has this whole version."""
    walk = _Walk(version)
    for path, kind in _candidates(layout):
        walk.enter(path, kind)
    return SearchPath(tuple(walk.folders), tuple(walk.problems))


class _Walk:
    """Collects folders; each real place once."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._seen: set[tuple[int, int]] = set()
        self.folders: list[Folder] = []
        self.problems: list[ProblemDetail] = []

    def enter(self, path: str, kind: FolderKind) -> None:
        if not self._is_new(path):
            return
        reader = reader_for(path)
        names = self._names(reader, path)
        self.folders.append(Folder(path, kind, reader, names))
        if kind != "library" and names is not None:
            for added in self._added(reader, path, names):
                self._add(added, path)

    def _add(self, path: str, added_by: str) -> None:
        if not self._is_new(path):
            return
        reader = reader_for(path)
        names = self._names(reader, path) if os.path.isdir(path) else None
        self.folders.append(Folder(path, "added", reader, names, added_by))

    def _is_new(self, path: str) -> bool:
        place = place_of(path)
        if place is None:
            if _is_hidden_from_us(path):
                self._fail(path, "permission denied")
            return False
        if place in self._seen:
            return False
        self._seen.add(place)
        return True

    def _names(self, reader: Reader, path: str) -> tuple[str, ...] | None:
        try:
            return tuple(reader.names(path))
        except OSError as error:
            self._fail(path, reason_of(error))
            return None

    def _added(self, reader: Reader, folder: str, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            if not name.endswith(".pth") or (name.startswith(".") and skips_hidden(self._version)):
                continue
            path = os.path.join(folder, name)
            try:
                lines = pth_lines(reader.read(path, cap_bytes=_PTH_CAP_BYTES), self._version)
            except UnicodeDecodeError:
                self._fail(path, "not UTF-8: the interpreter would not start")
            except OSError as error:
                self._fail(path, reason_of(error))
            else:
                yield from (os.path.normpath(os.path.join(folder, line)) for line in lines)

    def _fail(self, path: str, reason: str) -> None:
        self.problems.append(ProblemDetail("unreadable", None, f"{shown(path)}: {reason}"))


def pth_lines(content: bytes, version: str) -> list[str]:
    """Answer the paths that a ``.pth`` file names; UnicodeDecodeError where it is not UTF-8."""
    content.decode("utf-8")
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
    patch = version.split(".")[2:3]
    return bool(patch) and patch[0].isdigit() and int(patch[0]) >= since


def minor_of(version: str) -> tuple[int, ...]:
    """Answer (3, 11) of ``3.11.7``; () where the version is not known."""
    parts = version.split(".")[:2]
    return tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()


def _candidates(layout: Layout) -> Iterator[tuple[str, FolderKind]]:
    library = layout.library
    bases = dict.fromkeys(base for base in (layout.base, layout.prefix) if base and not layout.config)
    for base in [*bases, *([layout.base] if layout.config and layout.base else [])]:
        yield from _standard(base, library)
    if layout.prefix != layout.base:
        yield from _own_site(layout)
    if layout.sees_base_site:
        user = _user_site(layout)
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
        yield os.path.join(base, "lib", library, "dist-packages"), "debian"
        return
    parents = _parents(base, library)
    if "lib64" in parents:
        yield from _site(os.path.join(base, "local"), library, parents)
    yield from _site(base, library, parents)


def _user_site(layout: Layout) -> str | None:
    uid = os.geteuid() or _owner_of(layout.prefix)
    home = home_of(uid)
    if home is None:
        return None
    folder = os.path.join(home, ".local", "lib", layout.library, "site-packages")
    try:
        return folder if os.stat(folder).st_uid == uid else None
    except OSError:
        return None


def home_of(uid: int) -> str | None:
    """Answer the home folder of a user; None where the system does not know one."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_dir
    except KeyError:
        return None


def _owner_of(path: str) -> int:
    try:
        return os.stat(path).st_uid
    except OSError:
        return os.geteuid()


def _is_hidden_from_us(path: str) -> bool:
    """Whether the path cannot be looked at, which is not the same as absent."""
    try:
        os.stat(path)
    except PermissionError:
        return True
    except OSError:
        return False
    return False
