"""Files, read as texts of this Python's own kind."""

import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional, Sequence, Tuple

IS_OLD = sys.version_info < (3,)
"""In Python 2 a text is bytes."""
FILE_CAP = 4 * 1024 * 1024
"""Of files that are read whole: a longer one is refused."""
HEAD_CAP = 256 * 1024
"""Of files whose beginning tells enough."""
_READ_FLAGS = (
    os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)
)
DIGITS = "0123456789"
SMALL = "abcdefghijklmnopqrstuvwxyz" + DIGITS
PLAIN = frozenset(SMALL + SMALL.upper() + ".-")
"""What a file's name and a shell's word may hold as it is."""


def read_file(path, cap):
    # type: (str, int) -> Optional[bytes]
    """A regular file's content, its beginning where it is longer; None where it cannot be had."""
    try:
        descriptor = os.open(path, _READ_FLAGS)
    except (OSError, ValueError, TypeError):
        return None
    try:
        return _content_of(descriptor, cap) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    except OSError:
        return None
    finally:
        os.close(descriptor)


def trusted_uids():
    # type: () -> Tuple[int, ...]
    """Root and this user, whom a process believes; Windows has no such numbers."""
    return (0, os.geteuid()) if hasattr(os, "geteuid") else (0,)


def owned_content(path, owners, shut_to, cap):
    # type: (str, Sequence[int], int, int) -> Optional[bytes]
    """A regular file's content; None where it is a link, another owner's, or longer.

    ``shut_to`` are the bits of its mode by which others might write it: none of them may be set.
    """
    try:
        descriptor = os.open(path, _READ_FLAGS | getattr(os, "O_NOFOLLOW", 0))
    except (OSError, ValueError):
        return None
    try:
        status = os.fstat(descriptor)
        is_owned = stat.S_ISREG(status.st_mode) and status.st_uid in owners
        if not is_owned or status.st_mode & shut_to or status.st_size > cap:
            return None
        return _content_of(descriptor, cap + 1)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _content_of(descriptor, cap):
    # type: (int, int) -> bytes
    """What an open file holds from here on, up to a number of bytes."""
    parts = []  # type: List[bytes]
    while cap > 0:
        part = os.read(descriptor, min(cap, 1 << 20))
        if not part:
            break
        parts.append(part)
        cap -= len(part)
    return b"".join(parts)


def text_of(content):
    # type: (bytes) -> str
    """Bytes as this Python's own text; what is no UTF-8 stays as it is, and is the same path again."""
    text = content if IS_OLD else content.decode("utf-8", "surrogateescape")  # type: Any
    return str(text)


def bytes_of(text):
    # type: (str) -> bytes
    """This Python's own text as bytes: what ``text_of`` takes apart."""
    content = text if IS_OLD else text.encode("utf-8", "surrogateescape")  # type: Any
    return bytes(content)


def native(text):
    # type: (Any) -> str
    """A text as this Python's ``str``: bytes in Python 2."""
    return str(text if isinstance(text, str) else text.encode("utf-8"))


def names_in(folder):
    # type: (str) -> Optional[List[str]]
    """What a folder holds; nothing where there is none, None where it cannot be read."""
    try:
        return os.listdir(folder)
    except OSError as error:
        return [] if error.errno == 2 else None
