r"""Which file systems lie where, told by the kernel's table (``/proc/self/mountinfo``).

Rules
1. Of two mounts on one place the later covers the earlier.
2. A path belongs to the mount whose place is the longest that is above it, by their words: nothing is asked
   of a file system that may not answer.
3. What is shared is called by server and folder there, so that it is one on all machines, wherever each
   mounts it. A source that names no server (``beegfs_nodev``) is told apart by the place of the mount; who
   mounted it, and by which password, is left out of a URL.
4. File systems of a virtual machine's host (9p) are on the network, but each machine's own.
"""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING

import msgspec

from envguard.inventory.files import Reader, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ANSWER_S = 2.0
"""How long a network mount may take to answer at all."""

_LINKS_AT_MOST = 40
_TABLE = "/proc/self/mountinfo"
_CAP_BYTES = 16 * 1024 * 1024
_ESCAPED = r"\\([0-7]{3})"
_CREDENTIALS = r"^((?:[\w+.-]+:)?//)[^/]*@"
_SAME = {"nfs4": "nfs", "smb3": "cifs", "smbfs": "cifs"}
"""One file system by two names of the kernel's."""

_NEVER_SHARED = frozenset({"9p", "autofs"})
_NETWORK = frozenset(
    {
        "nfs",
        "cifs",
        "sshfs",
        "ceph",
        "ceph-fuse",
        "lustre",
        "gpfs",
        "beegfs",
        "fhgfs",
        "glusterfs",
        "9p",
        "afs",
    }
    | {"autofs", "ncpfs", "orangefs", "pvfs2", "panfs", "wekafs", "coda", "davfs", "davfs2", "rclone", "s3fs"}
    | {
        "gcsfuse",
        "goofys",
        "juicefs",
        "cvmfs2",
        "moosefs",
        "mfs",
        "quobyte",
        "curlftpfs",
        "blobfuse",
        "objectivefs",
    }
)


class Mount(msgspec.Struct, frozen=True):
    """One line of the table."""

    place: str
    kind: str
    """The file system's type, such as ``ext4`` or ``nfs4``."""
    source: str
    """Such as ``/dev/sda1`` or ``host:/export/home``."""
    root: str = "/"
    """The folder of the file system that is mounted."""

    @property
    def is_network(self) -> bool:
        """Whether another machine holds the files: asking may take long, or for ever."""
        return _plain(self.kind) in _NETWORK

    @property
    def waits(self) -> bool:
        """Whether nothing is mounted here yet, and would be by asking: a scan mounts nothing."""
        return self.kind == "autofs"

    def name_of(self, path: str) -> str | None:
        """Answer what all machines call a path on this mount; None where it is this machine's own."""
        kind = _plain(self.kind)
        if kind not in _NETWORK or kind in _NEVER_SHARED:
            return None
        source = re.sub(_CREDENTIALS, r"\1", self.source)
        has_server = any(mark in source for mark in (":", "@", "//"))
        start = source if has_server else f"{source}:{self.place}"
        inside = (self.root.strip("/"), os.path.relpath(path, self.place))
        below = "/".join(part for part in inside if part not in ("", "."))
        # A source that ends with a colon (sshfs) is relative to somebody's home there.
        return shown(f"{kind}:{start}" + ("/" if below and start[-1] not in "/:" else "") + below)


class Mounts(msgspec.Struct, frozen=True):
    """All mounts by their place; none where the system has no such table."""

    by_place: Mapping[str, Mount] = {}

    @property
    def are_known(self) -> bool:
        """Whether there was a table to read."""
        return bool(self.by_place)

    def at(self, path: str) -> Mount | None:
        """Answer what is mounted on this very place."""
        return self.by_place.get(path)

    def of(self, path: str) -> Mount | None:
        """Answer the mount that an absolute path lies on, by its words."""
        folder = os.path.normpath(path)
        while True:
            mount = self.by_place.get(folder)
            parent = os.path.dirname(folder)
            if mount is not None or parent == folder:
                return mount
            folder = parent

    def is_elsewhere(self, path: str) -> bool:
        """Whether another machine holds what lies at an absolute path."""
        mount = self.of(path)
        return mount is not None and mount.is_network

    def shared_name_of(self, path: str) -> str | None:
        """Answer what all machines call a real path; None where it is on no shared file system."""
        mount = self.of(path)
        return mount.name_of(os.path.normpath(path)) if mount is not None else None


def parse_mounts(text: str) -> Mounts:
    """Answer the mounts of a ``mountinfo`` text; lines that are none are left out."""
    found: dict[str, Mount] = {}
    for line in text.split("\n"):
        mount = _mount_in(line)
        if mount is not None:
            found[mount.place] = mount
    return Mounts(found)


def mounts_of_this_machine() -> Mounts:
    """Answer the mounts that this process sees."""
    try:
        return parse_mounts(os.fsdecode(Reader(0).read_head(_TABLE, cap_bytes=_CAP_BYTES)))
    except OSError:
        return Mounts()


class Answers:
    """Knows which network mounts answer; each is asked once, and only for so long."""

    def __init__(self, mounts: Mounts, *, within_s: float, ask: Callable[[str], object] = os.statvfs) -> None:
        """Ask by ``ask``, which may hang: it is left behind in a thread of its own."""
        self.mounts = mounts
        self._within_s = within_s
        self._ask = ask
        self._known: dict[str, bool] = {}
        # Folders that are no links, on what answers: so the paths of one folder cost a call each.
        self._plain: set[str] = set()
        # What a mount lies on or below is named by the kernel without links.
        self._real = {above for place in mounts.by_place for above in _and_above(place)}

    def has_answered(self, path: str) -> bool:
        """Whether the path's file system, and that of what it links to, can be used.

        One of this machine always can. Each part of the path may be a link, which is followed from word to
        word, so that nothing is asked of a file system before that has answered.
        """
        links = 0
        folder, rest = os.sep, _parts(path if os.path.isabs(path) else os.path.abspath(path))
        while rest:
            part = rest.pop()
            if part == os.pardir:
                folder = os.path.dirname(folder)
                continue
            place = os.path.join(folder, part)
            if place in self._plain:
                folder = place
                continue
            if not self._is_usable(place):
                return False
            target = None if place in self._real else _link(place)
            if target == "":
                return True
            if target is None:
                folder = place
                if rest:
                    self._plain.add(place)
                continue
            links += 1
            if links > _LINKS_AT_MOST:
                return True
            folder = os.sep if os.path.isabs(target) else folder
            rest += _parts(target)
        mount = self.mounts.of(folder)
        return mount is None or not mount.waits

    def _is_usable(self, place: str) -> bool:
        """Whether a place, the folder above which is usable, is on what can be asked."""
        mount = self.mounts.of(place)
        if mount is None or not mount.is_network:
            return True
        # What is mounted below an automatic mount can be reached without mounting anything.
        return place in self._real if mount.waits else self._is_up(mount.place)

    def _is_up(self, place: str) -> bool:
        if place not in self._known:
            self._known[place] = self._try(place)
        return self._known[place]

    def _try(self, place: str) -> bool:
        import threading

        answered = threading.Event()

        def ask() -> None:
            try:
                self._ask(place)
            except OSError:
                return
            answered.set()

        # A daemon: the process can end although the kernel never answers.
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(self._within_s)
        return answered.is_set()


def _parts(path: str) -> list[str]:
    """The parts of a path, the last first."""
    return [part for part in reversed(path.split(os.sep)) if part not in ("", os.curdir)]


def _and_above(path: str) -> Iterator[str]:
    while True:
        yield path
        parent = os.path.dirname(path)
        if parent == path:
            return
        path = parent


def _link(path: str) -> str | None:
    """What a link says; None for what is no link; empty where nothing can be there, so that nothing hangs."""
    try:
        return os.readlink(path)
    except OSError as error:
        return None if error.errno == errno.EINVAL else ""
    except ValueError:  # a path that no file system can have
        return ""


def _mount_in(line: str) -> Mount | None:
    before, found, after = line.partition(" - ")
    fields, rest = before.split(" "), after.split(" ")
    if not found or len(fields) < 6 or len(rest) < 2:
        return None
    root, place = fields[3:5]
    return Mount(_unescaped(place), kind=rest[0], source=_unescaped(rest[1]), root=_unescaped(root))


def _unescaped(text: str) -> str:
    """The kernel writes blanks, newlines and backslashes as three octal digits."""
    return re.sub(_ESCAPED, lambda match: chr(int(match[1], 8)), text) if "\\" in text else text


def _plain(kind: str) -> str:
    bare = kind.removeprefix("fuse.")
    return _SAME.get(bare, bare)
