"""Files that are either whole or absent: written beside, synced, and renamed into place.

Whatever a crash or a full disk leaves behind, a reader sees the old content or the new one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from envguard.errors import StateError

T = TypeVar("T")

LIMIT_BYTES = 64 * 1024 * 1024
"""No file of ours is larger; one that is was not written by envguard."""


def write_file(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace a file's content as a whole, private unless ``mode`` says else; StateError if it cannot be."""
    import tempfile  # most commands write nothing, and it takes 3 ms

    temporary: str | None = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # made 0600
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        sync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise StateError(
            f"cannot be written: {error.strerror or error}",
            where=str(path),
            hint="is the disk full, or does the folder belong to somebody else? ENVGUARD_STATE names another",
        ) from error


def write_document(path: Path, document: object) -> None:
    """Write a value as JSON, as :func:`write_file` does."""
    write_file(path, msgspec.json.encode(document))


def read_file(path: Path) -> bytes | None:
    """Answer a file's content, None where there is none; StateError when it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StateError(
            f"cannot be read: {error.strerror or error}",
            where=str(path),
            hint="run it as the user whose state this is, or name another folder in ENVGUARD_STATE",
        ) from error
    if len(content) > LIMIT_BYTES:
        raise StateError("too large for a file of envguard", where=str(path), hint=f"rm {path}")
    return content


def read_document(path: Path, type_: type[T]) -> T | None:
    """Answer the value that a JSON file holds, None without the file; StateError when it is broken."""
    content = read_file(path)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StateError(f"is broken: {error}", where=str(path), hint=f"rm {path}") from error


def remove_file(path: Path) -> None:
    """Remove a file that may be gone already; StateError when it cannot be."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StateError(f"cannot be removed: {error.strerror or error}", where=str(path)) from error


@contextlib.contextmanager
def open_lock(path: Path) -> Iterator[int]:
    """Open a file that is there to be locked, for the block; it is made if it is absent.

    StateError when it cannot be opened. Whatever lock is taken on it ends with the block.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"cannot be opened: {error.strerror or error}", where=str(path)) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where the file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
