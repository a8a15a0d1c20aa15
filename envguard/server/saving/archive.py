"""The file of a backup: a tar with a manifest ahead, whole or not there at all.

Rules
1. It is private (0600): who has it can be the server, and read all that the team reported.
2. It gets its name when it is whole and on disk, and never takes the place of another.
3. The manifest says what must be in it, with digests; nothing else is ever unpacked.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Literal

import msgspec

from envguard.errors import StateError, UsageError
from envguard.server.saving.putting import STATE_PARTS
from envguard.state.files import open_lock, sync_folder

Report = Callable[[str, int, int], None]
"""Hears what is done, how far that is, and of how much."""

DatabaseKind = Literal["sqlite", "postgresql"]
DATABASE_PARTS: dict[DatabaseKind, str] = {"sqlite": "envguard.db", "postgresql": "database.pgdump"}

_MANIFEST = "manifest.json"
_MANIFEST_LIMIT_BYTES = 64 * 1024
_CHUNK_BYTES = 1024 * 1024


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One file in the archive."""

    name: str
    digest: str
    size_bytes: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/manifest/1"):
    """What the archive says of itself."""

    made_at: datetime
    """When it was begun; what was acknowledged before is in it."""
    envguard: str
    """The version that wrote it."""
    kind: DatabaseKind
    revision: str
    """Of the database's tables."""
    parts: tuple[Part, ...]


@contextlib.contextmanager
def staging(path: Path) -> Iterator[Path]:
    """Give a private folder beside a file that is to be; what a killed one left there is removed.

    Raises StateError where another process writes the same file, UsageError where the file is there.
    """
    if os.path.lexists(path):
        raise UsageError(f"there is a file already: {path}", hint="name another, or a folder")
    folder = path.with_name(f".{path.name}.part")
    with _said_of(path):
        folder.mkdir(mode=0o700, exist_ok=True)
    with open_lock(folder / "lock") as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StateError("another process writes this backup just now", where=str(path)) from error
        try:
            with _said_of(path):
                for entry in folder.iterdir():
                    if entry.name != "lock":
                        entry.unlink()
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def part_of(path: Path, report: Report) -> Part:
    """Answer what the manifest says of a file."""
    size, digest = path.stat().st_size, hashlib.sha256()
    with path.open("rb") as file:
        _copy(file, digest.update, lambda done: report(f"digest of {path.name}", done, size))
    return Part(name=path.name, digest=f"sha256:{digest.hexdigest()}", size_bytes=size)


def write_archive(path: Path, folder: Path, manifest: Manifest, report: Report) -> int:
    """Write what lies in the folder as one file, and answer its size; each part is gone from the folder."""
    whole = folder / "archive"
    with whole.open("xb") as file:
        whole.chmod(0o600)
        with tarfile.open(fileobj=file, mode="w") as archive:
            text = msgspec.json.format(msgspec.json.encode(manifest))
            archive.addfile(_member(_MANIFEST, len(text)), io.BytesIO(text))
            for number, part in enumerate(manifest.parts):
                report("writing", number, len(manifest.parts))
                with (folder / part.name).open("rb") as content:
                    archive.addfile(_member(part.name, part.size_bytes), content)
                (folder / part.name).unlink()
        file.flush()
        os.fsync(file.fileno())
    size = whole.stat().st_size
    _name_it(whole, path)
    sync_folder(path.parent)
    return size


def read_manifest(path: Path) -> Manifest:
    """Answer what an archive says of itself; raises UsageError where it is none."""
    with _opened(path) as archive:
        return _manifest(archive, path)


def unpack(path: Path, folder: Path, report: Report) -> Manifest:
    """Write all parts into a folder, each held to its digest; raises StateError where one is not whole."""
    with _opened(path) as archive:
        manifest = _manifest(archive, path)
        expected = {part.name: part for part in manifest.parts}
        try:
            while (member := archive.next()) is not None:
                part = expected.pop(member.name, None) if member.isreg() else None
                content = archive.extractfile(member)
                if part is None or content is None or not _is_whole(content, folder, part, report):
                    raise _damaged(path, member.name)
        except tarfile.TarError as error:
            raise _damaged(path, str(error)) from error
        except OSError as error:
            raise StateError(
                f"the backup cannot be unpacked: {error.strerror or error}",
                where=str(folder),
                hint="nothing was changed; is the disk full?",
            ) from error
    if expected:
        raise _damaged(path, ", ".join(sorted(expected)))
    return manifest


def _manifest(archive: tarfile.TarFile, path: Path) -> Manifest:
    first = archive.next()
    content = None if first is None or first.name != _MANIFEST else archive.extractfile(first)
    if first is None or content is None or first.size > _MANIFEST_LIMIT_BYTES:
        raise _no_backup(path)
    try:
        manifest = msgspec.json.decode(content.read(), type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _no_backup(path) from error
    names = [part.name for part in manifest.parts]
    known = {DATABASE_PARTS[manifest.kind], *STATE_PARTS}
    if len(set(names)) != len(names) or not set(names) <= known or DATABASE_PARTS[manifest.kind] not in names:
        raise _no_backup(path)
    return manifest


def _is_whole(content: IO[bytes], folder: Path, part: Part, report: Report) -> bool:
    digest, target = hashlib.sha256(), folder / part.name
    with target.open("xb") as file:
        target.chmod(0o600)

        def take(chunk: bytes) -> None:
            digest.update(chunk)
            file.write(chunk)

        _copy(content, take, lambda done: report(f"reading {part.name}", done, part.size_bytes))
        file.flush()
        os.fsync(file.fileno())
    return f"sha256:{digest.hexdigest()}" == part.digest


def _copy(source: IO[bytes], take: Callable[[bytes], object], report: Callable[[int], None]) -> None:
    done = 0
    while chunk := source.read(_CHUNK_BYTES):
        take(chunk)
        done += len(chunk)
        report(done)


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


def _name_it(whole: Path, path: Path) -> None:
    """Give a file its name, which no other has."""
    try:
        path.hardlink_to(whole)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        whole.rename(path)  # a file system without hard links; it was looked for the name at the beginning


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        archive = tarfile.open(path, "r:")  # noqa: SIM115 - closed below; only the opening is told in these words
    except tarfile.TarError as error:
        raise _no_backup(path) from error
    except OSError as error:
        raise StateError(f"it cannot be read: {error.strerror or error}", where=str(path)) from error
    with archive:
        yield archive


@contextlib.contextmanager
def _said_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StateError(
            f"the backup cannot be written: {error.strerror or error}",
            where=str(path),
            hint="for a while it takes twice the size of the database; is the disk full, or closed to you?",
        ) from error


def _no_backup(path: Path) -> UsageError:
    return UsageError("it is no backup of envguard", where=str(path), hint="envguard server backup FILE")


def _damaged(path: Path, name: str) -> StateError:
    return StateError(
        f"the backup is damaged: {name}", where=str(path), hint="nothing was changed; take another backup"
    )
