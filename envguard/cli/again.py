"""The same answer again: what ``check`` said last, where nothing that it was made of has changed.

Rules
1. A kept answer is found by everything that a process gets: arguments, folder, environment, terminal,
   user, kernel, interpreter. Of the variables only those do not count that name one shell, and not what it
   wants.
2. It holds as long as each path that was looked at is as it was: what led to a file, a file's device,
   inode, mtime and ctime, what a folder has inside where that was asked, and what was absent. ``witness``
   notes them.
3. It ends at the next boot, with the next waiver that ends, and after a day.
4. It is read from a file of this user's own that nobody else may read. Whatever is wrong with it: it is not
   there.

Nothing of ours is imported, nor what Python has not imported when it starts, save modules in C.
"""

import os
import sys
from marshal import dumps, loads

try:
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

FORMAT = 1
"""The version of the file: another one is not read."""

DIGEST_BYTES = 32

_LIMIT_BYTES = 32 * 1024 * 1024
_HEAD = b"(\x07\0\0\0"
"""Of marshal's tuple of seven: room is made for any length that is read, before looking for what follows."""
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_ONE_SHELLS = frozenset(
    {
        "DBUS_SESSION_BUS_ADDRESS",
        "GPG_TTY",
        "OLDPWD",
        "PWD",
        "SHLVL",
        "SSH_AUTH_SOCK",
        "SSH_CLIENT",
        "SSH_CONNECTION",
        "SSH_TTY",
        "TERM_SESSION_ID",
        "TMUX",
        "TMUX_PANE",
        "WINDOWID",
        "XDG_SESSION_ID",
        "_",
    }
)
"""Variables that differ between two shells of one person. Neither envguard nor its libraries read them."""
_FOLDER_FLAGS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_FILE_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
BROKEN = (OSError, ValueError, TypeError, EOFError, KeyError, AttributeError, MemoryError)
"""What a folder that is gone and a file that holds something else can raise."""

_REGULAR, _TYPES = 0o100000, 0o170000


def answer(arguments: list[str]) -> int | None:
    """Print what was kept for this command, and answer its exit code; None where nothing holds."""
    if arguments[:1] != ["check"]:
        return None
    try:
        digest = digest_of_call(arguments)
        kept = kept_answer(digest) if digest else None
        return _printed(*kept) if kept else None
    except BROKEN:
        return None  # the whole program says it better


def digest_of_call(arguments: list[str]) -> bytes | None:
    """Answer what stands for everything that this process was given; None where a stream is closed."""
    streams = (sys.__stdin__, sys.__stdout__, sys.__stderr__)  # those that it was given
    if None in streams:
        return None
    given = (
        FORMAT,
        arguments,
        os.getcwd(),  # pathlib is not imported here
        sorted((name, value) for name, value in os.environ.items() if name not in _ONE_SHELLS),
        [(each.encoding, each.errors, _terminal(number)) for number, each in enumerate(streams) if each],
        (os.getuid(), os.geteuid(), os.getegid(), os.getgroups()),
        tuple(os.uname()),
        (sys.version, sys.executable, tuple(sys.path), tuple(sys.flags)),
    )
    # Version 2 writes equal values equally: later ones count references.
    return blake2b(dumps(given, 2), digest_size=DIGEST_BYTES).digest()


def folder_of_cache() -> str | None:
    """Answer where this user's files are that may go at any time; None where nobody says.

    ``ENVGUARD_CACHE``, else the system's place for them.
    """
    told = os.environ.get("ENVGUARD_CACHE")
    if told:
        return os.path.abspath(told)
    home = os.environ.get("HOME")
    of_all = os.environ.get("XDG_CACHE_HOME") if sys.platform != "darwin" else None
    if of_all and of_all.startswith("/"):
        return of_all + "/envguard"
    if not home or not home.startswith("/"):
        return None
    return home + ("/Library/Caches/envguard" if sys.platform == "darwin" else "/.cache/envguard")


def folders_that_decide_nothing() -> list[str]:
    """Answer where envguard keeps what only makes it faster; policies that were pulled are no such thing."""
    folder = folder_of_cache()
    return [f"{folder}/verdicts", f"{folder}/locks"] if folder else []


def place_of(digest: bytes) -> str | None:
    """Answer where an answer is kept; None where nothing is kept."""
    folder = folder_of_cache()
    return f"{folder}/verdicts/{digest.hex()[:32]}" if folder else None


def read_own(path: str) -> bytes | None:
    """Answer a file's content; None where it is absent, not of this user alone, or not as it was written."""
    try:
        descriptor = os.open(path, _FILE_FLAGS)
    except OSError:
        return None
    try:
        status = os.fstat(descriptor)
        is_own = status.st_uid == os.geteuid() and status.st_mode & (_TYPES | 0o077) == _REGULAR
        if not is_own or not DIGEST_BYTES < status.st_size <= _LIMIT_BYTES:
            return None
        written = os.read(descriptor, status.st_size)
    finally:
        os.close(descriptor)
    content = written[DIGEST_BYTES:]
    return content if sealed(content) == written else None


def sealed(content: bytes) -> bytes:
    """Answer the content as it is written: a digest of it before it."""
    return blake2b(content, digest_size=DIGEST_BYTES).digest() + content


def boot_id() -> str:
    """Answer what names this run of the kernel; empty where the system does not say."""
    try:
        descriptor = os.open(_BOOT_ID, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 64).decode("ascii", "replace").strip()
    finally:
        os.close(descriptor)


def _terminal(number: int) -> tuple[int, int] | None:
    """The size of a stream's terminal; None where it is none."""
    if not os.isatty(number):
        return None
    size = os.get_terminal_size(number)
    return size.columns, size.lines


def kept_answer(digest: bytes) -> tuple[int, list[tuple[int, bytes]]] | None:
    """Answer an exit code and what was printed; None where there is nothing that holds.

    What is wrong with the file raises one of ``BROKEN``.
    """
    place = place_of(digest)
    content = read_own(place) if place else None
    if content is None or not content.startswith(_HEAD):
        return None
    kept = loads(content)  # noqa: S302 - this user's own and whole: as trustworthy as the user's bytecode
    known, boot, made_at_s, until_s, code, printed, marks = kept
    if known != digest or not boot or boot != boot_id():
        return None
    from time import time

    if not made_at_s <= time() < until_s:
        return None
    return (code, printed) if all(_is_as_noted(*each) for each in marks) else None


def _is_as_noted(
    folder: str, followed: dict[str, tuple[int, ...]], links: dict[str, tuple[int, ...]], listing: list[int]
) -> bool:
    """Whether all below one folder is as it was; the empty name is for whole paths."""
    try:
        descriptor = os.open(folder, _FOLDER_FLAGS) if folder else None
    except OSError:
        return False
    try:
        if descriptor is not None and listing:
            status = os.fstat(descriptor)
            now = [status.st_dev, status.st_ino, status.st_mtime_ns, status.st_ctime_ns]
            if now != listing:
                return False
        return _are_as_noted(descriptor, followed, follow=True) and _are_as_noted(
            descriptor, links, follow=False
        )
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _are_as_noted(folder: int | None, notes: dict[str, tuple[int, ...]], *, follow: bool) -> bool:
    """Compare field by field: this is done two thousand times."""
    look = os.stat
    for path, (device, inode, third, fourth) in notes.items():
        try:
            status = look(path, dir_fd=folder, follow_symlinks=follow)
        except OSError as error:
            if error.errno != third or device or inode:
                return False
            continue
        except ValueError:  # a name with a zero in it
            return False
        if (
            status.st_ino != inode
            or status.st_dev != device
            or (
                (status.st_mtime_ns != third or status.st_ctime_ns != fourth)
                and (status.st_mode != third or status.st_uid != fourth)
            )
        ):
            return False
    return True


def _printed(code: int, printed: list[tuple[int, bytes]]) -> int:
    for stream, text in printed:
        _write(stream, text)
    return code


def _write(stream: int, text: bytes) -> None:
    try:
        while text:
            text = text[os.write(stream, text) :]
    except BrokenPipeError:
        pass  # who stops reading has read enough
