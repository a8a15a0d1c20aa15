r"""Reading files that other people own, without being hung, flooded or led astray by them.

Rules
1. Regular files only: judged before they are opened, for to open some devices is to act on them, and again by
   the descriptor, opened without blocking, so that a FIFO or device never hangs.
2. Every read has a cap; what is longer is refused, or cut where only its beginning matters.
3. A link is followed to whatever regular file it names, as installers make them (``uv --link-mode
   symlink``).
4. Where the superuser reads for somebody, only what that owner could read counts as readable: the file
   itself, and every folder on the way to what it really is.
5. Text for people and JSON is escaped: bytes that are not UTF-8, and control characters, become ``\xNN``.
"""

from __future__ import annotations

import errno
import os
import re
import stat

import msgspec

_CHUNK_BYTES = 1024 * 1024
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_READ, _SEARCH = 4, 1


class Reader(msgspec.Struct, frozen=True):
    """Reads on behalf of the user who owns an environment."""

    uid: int
    """The owner; only asked about when the superuser reads."""
    ways: dict[str, bool] = {}
    """Folders by whether the owner may pass through them; kept for as long as this reader is."""

    def read(self, path: str, *, cap_bytes: int) -> bytes:
        """Answer the whole file; OSError when it is absent, no regular file, not readable, or too long."""
        content = self.read_head(path, cap_bytes=cap_bytes + 1)
        if len(content) > cap_bytes:
            raise OSError(errno.EFBIG, f"longer than {cap_bytes} bytes", path)
        return content

    def read_head(self, path: str, *, cap_bytes: int) -> bytes:
        """Answer the first ``cap_bytes`` of the file; OSError as for :meth:`read`."""
        size_bytes = self._checked(path).st_size
        descriptor = os.open(path, _FLAGS)
        try:
            self._check(os.fstat(descriptor), path)
            return _read_up_to(descriptor, cap_bytes, size_bytes)
        finally:
            os.close(descriptor)

    def open(self, path: str) -> int:
        """Answer a descriptor of a regular file that the owner may read; the caller closes it."""
        self._checked(path)
        descriptor = os.open(path, _FLAGS)
        try:
            self._check(os.fstat(descriptor), path)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def names(self, folder: str) -> list[str]:
        """Answer the sorted names in a folder; OSError where the owner could not list it."""
        if self._is_acting_for_another():
            if not _may(os.stat(folder), self.uid, _READ):
                raise _denied(folder)
            self._check_way(folder)
        return sorted(os.listdir(folder))

    def may_enter(self, folder: str) -> bool:
        """Whether the owner may enter the folder and every one above it, by their real places.

        Asked for paths that somebody else wrote down: the superuser comes everywhere, the owner does not.
        """
        if not self._is_acting_for_another():
            return True
        real = os.path.realpath(folder)
        while not os.path.lexists(real):
            real = os.path.dirname(real)
        try:
            return self._may_pass(real)
        except OSError:
            return False

    def _checked(self, path: str) -> os.stat_result:
        """Its status before it is opened: merely opening a device can do something."""
        status = os.stat(path)
        self._check(status, path)
        if self._is_acting_for_another():
            self._check_way(path)
        return status

    def _check(self, status: os.stat_result, path: str) -> None:
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)
        if self._is_acting_for_another() and not _may(status, self.uid, _READ):
            raise _denied(path)

    def _check_way(self, path: str) -> None:
        is_link = os.path.islink(path)
        if not self._may_pass(os.path.dirname(os.path.realpath(path) if is_link else path)):
            raise _denied(path)

    def _may_pass(self, folder: str) -> bool:
        """Whether the owner may pass through a folder and all above it; links lead to what they name."""
        known = self.ways.get(folder)
        if known is None:
            known = self.ways[folder] = self._is_open(folder)
        return known

    def _is_open(self, folder: str) -> bool:
        status = os.lstat(folder)
        if stat.S_ISLNK(status.st_mode):
            return self._may_pass(os.path.realpath(folder))
        parent = os.path.dirname(folder)
        return _may(status, self.uid, _SEARCH) and (parent == folder or self._may_pass(parent))

    def _is_acting_for_another(self) -> bool:
        return self.uid != 0 and os.geteuid() == 0


def reader_for(folder: str) -> Reader:
    """Answer the reader that acts for the owner of this folder; for us where there is no folder."""
    try:
        return Reader(os.stat(folder).st_uid)
    except OSError:
        return Reader(os.geteuid())


def place_of(path: str) -> tuple[int, int] | None:
    """Answer (device, inode) of what the path leads to: equal for two paths to one thing; None if absent."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def owner_of(path: str) -> int | None:
    """Answer the user id of what the path leads to; None where nobody can tell."""
    try:
        return os.stat(path).st_uid
    except OSError:
        return None


def is_absent(error: OSError) -> bool:
    """Whether an error means that there is nothing, rather than something that cannot be read.

    A link that leads to itself is no such error: somebody put it there.
    """
    return error.errno in (errno.ENOENT, errno.ENOTDIR)


def is_closed(folder: str) -> bool:
    """Whether nothing in a folder can be asked for."""
    return _refuses(folder, errno.EACCES)


def refusing_part_of(path: str, number: int) -> str:
    """Answer which folder on the way to a path made this error of it; the path itself where none did."""
    part, folder = path, os.path.dirname(path)
    while folder not in (part, "") and _refuses(folder, number):
        part, folder = folder, os.path.dirname(folder)
    return part


def _refuses(folder: str, number: int) -> bool:
    """Whether this error comes of asking for anything in a folder."""
    try:
        os.stat(os.path.join(folder, os.curdir))
    except OSError as error:
        return error.errno == number
    return False


def is_below(path: str, folder: str) -> bool:
    """Whether the path is the folder, or inside it, by their words."""
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def reason_of(error: OSError) -> str:
    """Answer why the system refused, in lower case."""
    return (error.strerror or type(error).__name__).lower()


def shown(text: str) -> str:
    r"""Answer the text with undecodable bytes and control characters as ``\xNN``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else escaped(c) for c in text)


def escaped(text: str) -> str:
    r"""Answer every byte of the text as ``\xNN``."""
    return "".join(f"\\x{byte:02x}" for c in text for byte in _bytes_of(c))


def place_shown_as(text: str) -> str:
    r"""Answer the path that :func:`shown` made this text of: ``\xNN`` are bytes again.

    Where there is something of just this name, backslash and all, that is meant.
    """
    if "\\x" not in text or os.path.lexists(text):
        return text
    return os.fsdecode(re.sub(rb"\\x([0-9a-f]{2})", _byte, os.fsencode(text)))


def _byte(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 16)])


def _bytes_of(character: str) -> bytes:
    if "\udc80" <= character <= "\udcff":
        return bytes([ord(character) - 0xDC00])
    return character.encode("utf-8", "surrogatepass")


def _read_up_to(descriptor: int, cap_bytes: int, size_bytes: int) -> bytes:
    """Read to the end or the cap; a file of the kernel's (in ``/proc``) says that it has no size."""
    content = os.read(descriptor, min(cap_bytes, _CHUNK_BYTES))
    if len(content) == cap_bytes or (0 < size_bytes == len(content)):
        return content
    chunks = [content]
    left = cap_bytes - len(content)
    while left > 0 and chunks[-1]:
        chunks.append(os.read(descriptor, min(left, _CHUNK_BYTES)))
        left -= len(chunks[-1])
    return b"".join(chunks)


def _denied(path: str) -> PermissionError:
    return PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def _may(status: os.stat_result, uid: int, bit: int) -> bool:
    """Whether the mode gives a user this right: the owner's bit decides for the owner, as in the kernel."""
    if status.st_uid == uid:
        return bool(status.st_mode & bit << 6)
    is_for_all = bool(status.st_mode & bit)
    is_for_group = bool(status.st_mode & bit << 3)
    if is_for_all == is_for_group:
        return is_for_all
    return is_for_group if status.st_gid in _groups_of(uid) else is_for_all


def _groups_of(uid: int) -> list[int]:
    import pwd

    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return []
    return os.getgrouplist(user.pw_name, user.pw_gid)
