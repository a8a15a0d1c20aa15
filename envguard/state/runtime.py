"""The runtime folder: what the agent tells everybody on this machine, until the next boot.

Rules
1. It is ours alone to write: a folder that is a link, somebody else's, or open to the writing of others is
   not used.
2. A file in it is whole or absent: written beside under a name with a dot, and renamed into place. Nothing is
   synced: no reader takes what was written before a boot.
3. Where it is: ``RUNTIME_DIRECTORY`` as systemd tells it, else ``envguard`` in ``XDG_RUNTIME_DIR``, else, for
   the superuser, ``/run/envguard``.
"""

from __future__ import annotations

import binascii
import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from envguard.errors import StateError

VERDICTS = "verdicts"
"""The folder of verdict files, in the runtime folder."""

SOCKET = "agent.sock"
LOCK = "agent.lock"

_SYSTEMS = "/run/envguard"
_NAME_CHARACTERS = 80
_NO_NAME = re.compile(r"[^A-Za-z0-9.-]")
_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def runtime_directory(environ: Mapping[str, str], *, uid: int) -> Path | None:
    """Answer where an agent of this user tells its verdicts; None where there is no place for that."""
    told = environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if told:
        return Path(told)
    of_user = environ.get("XDG_RUNTIME_DIR", "")
    if of_user:
        return Path(of_user) / "envguard"
    return Path(_SYSTEMS) if uid == 0 else None


def agent_folders(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield where an agent may be that a user asks: the user's own, the machine's."""
    of_user = environ.get("XDG_RUNTIME_DIR", "")
    if of_user.startswith("/"):
        yield f"{of_user}/envguard"
    yield _SYSTEMS


def verdict_file_name(environment: str) -> str:
    """Answer what the file about an environment is called."""
    plain = _NO_NAME.sub("_", environment[-_NAME_CHARACTERS:])
    return f"{plain}-{binascii.crc32(os.fsencode(environment)) & 0xFFFFFFFF:08x}"


@contextlib.contextmanager
def open_folder(path: Path, *, mode: int) -> Iterator[int]:
    """Open a folder that only we write to, for the block; it is made with this mode if it is absent.

    StateError where it cannot be made, or is no such folder.
    """
    try:
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
            path.chmod(mode)  # whatever the mask says
        descriptor = os.open(path, _FOLDER_FLAGS)
    except OSError as error:
        raise StateError(f"cannot be used: {error.strerror or error}", where=str(path)) from error
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            whose = (
                "is open to the writing of others" if status.st_uid == os.geteuid() else "is somebody else's"
            )
            raise StateError(whose, where=str(path), hint="remove it: the agent makes it anew")
        yield descriptor
    finally:
        os.close(descriptor)


def replace_file(
    folder: int, name: str, content: bytes, *, mode: int = 0o600, owner: int | None = None
) -> None:
    """Replace a file of an open folder as a whole; OSError when that cannot be.

    ``owner`` is given the file before anybody can see it; None leaves it ours.
    """
    temporary = f".{name}.{os.getpid()}"
    remove_name(folder, temporary)
    descriptor = os.open(temporary, _FILE_FLAGS, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            if owner is not None:
                os.fchown(file.fileno(), owner, -1)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)  # below a descriptor
    except OSError:
        remove_name(folder, temporary)
        raise


def remove_name(folder: int, name: str) -> None:
    """Remove what has this name in an open folder; nothing where nothing has it."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)  # below a descriptor


def remove_others(folder: int, wanted: frozenset[str]) -> None:
    """Remove all but these from an open folder, also what a killed process left half-written."""
    for name in os.listdir(folder):  # below a descriptor
        if name not in wanted:
            with contextlib.suppress(OSError):
                remove_name(folder, name)
