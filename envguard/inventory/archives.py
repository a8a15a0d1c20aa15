"""Distributions inside a zip file on the path: a zipped ``.egg``, or a wheel that is imported from.

Rules
1. An entry counts as in a folder: ``NAME.dist-info``, ``NAME.egg-info``, and ``EGG-INFO`` of an ``.egg``; so
   does the ``requires.txt`` of the latter two.
2. Only the directory and the metadata are read, within limits, for an archive may be hostile: a directory
   that is large, or that the ZIP64 form would let grow, is refused before it is read, and so are odd
   compressions.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from envguard.domain.environment import ProblemDetail
from envguard.inventory.distributions import (
    DIST_INFO,
    REQUIRES_CAP_BYTES,
    Contents,
    Distribution,
    normalised,
    told_by,
)
from envguard.inventory.files import shown
from envguard.inventory.metadata import (
    HEADER_CAP_BYTES,
    Headers,
    Requirements,
    parse_headers,
    parse_requires_text,
)

if TYPE_CHECKING:
    from typing import BinaryIO
    from zipfile import ZipFile

    from envguard.inventory.search_path import Folder

DIRECTORY_CAP_BYTES = 4 * 1024 * 1024
"""Of the archive's own list of files: some 40,000 of them."""
ENTRIES_CAP = 1000
"""Distributions in one archive."""
ENTRY_CAP = 1000
"""Characters of the name of a distribution's entry: in a folder none has more than 255 bytes."""

_TAIL_BYTES = 22 + 20 + 65_535
_END, _END_64 = b"PK\5\6", b"PK\6\7"
_ENTRY = r"(?i:[^/]+\.(?:dist|egg)-info|egg-info)"


def read_archive(folder: Folder) -> Contents:
    """Answer the distributions of a zip file; nothing where the path is no zip file."""
    if not os.path.isfile(folder.path):
        return Contents((), ())
    import zipfile
    import zlib

    try:
        with os.fdopen(folder.reader.open(folder.path), "rb") as file:
            if file.read(2) != b"PK":
                return Contents((), ())
            if not _has_small_directory(file):
                return Contents((), (_unreadable(folder),))
            with zipfile.ZipFile(file) as archive:
                return _contents(folder, archive)
    except (
        *(zipfile.BadZipFile, zlib.error, OSError, ValueError),
        *(NotImplementedError, RuntimeError, EOFError),
    ):
        return Contents((), (_unreadable(folder),))


def _has_small_directory(file: BinaryIO) -> bool:
    """Whether the archive's end tells a directory within the cap; an archive without an end has none."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _TAIL_BYTES, 0))
    tail = file.read(_TAIL_BYTES)
    end = len(tail) - 22 if tail[-22:-18] == _END and tail[-2:] == b"\0\0" else tail.rfind(_END)
    directory_bytes = int.from_bytes(tail[end + 12 : end + 16], "little")
    is_64 = _END_64 in tail[max(end - 20, 0) : max(end, 0)]
    return end < 0 or (directory_bytes <= DIRECTORY_CAP_BYTES and not is_64)


def _contents(folder: Folder, archive: ZipFile) -> Contents:
    entries = _entries(archive, is_egg=folder.path.lower().endswith(".egg"))
    if len(entries) > ENTRIES_CAP:
        return Contents((), (_unreadable(folder),))
    found: list[Distribution] = []
    problems: list[ProblemDetail] = []
    if any(_is_endless(_entry_of(place)) for place in archive.namelist()):
        problems.append(_unreadable(folder, f"a name in it is longer than characters: {ENTRY_CAP}"))
    for entry, members in entries.items():
        place = os.path.join(folder.path, entry)
        headers = _headers(archive, members)
        name, version = told_by(folder, entry)
        required = Requirements(headers.requires) if headers.requires else _requires(archive, entry)
        one = Distribution(
            name=normalised(headers.name or name),
            version=headers.version or shown(version),
            origin=None,
            place=place,
            folder=folder,
            requires=required.texts,
        )
        is_told = headers.name and headers.version
        fault = headers.fault or required.fault if is_told else "no metadata"
        if fault:
            problems.append(ProblemDetail("unreadable", one.name or None, f"{shown(place)}: {fault}"))
        if one.name.strip("-"):
            found.append(one)
    return Contents(tuple(found), tuple(problems))


def _entries(archive: ZipFile, *, is_egg: bool) -> dict[str, list[str]]:
    """The distributions' entries, and the files that may hold the metadata, in the order of reading."""
    found: dict[str, list[str]] = {}
    present = set(archive.namelist())
    is_metadata = re.compile(_ENTRY).fullmatch
    for place in archive.namelist():
        entry = _entry_of(place)
        if entry in found or len(entry) > ENTRY_CAP or entry.startswith("~"):
            continue
        if not is_metadata(entry):
            continue
        if is_egg or entry.lower() != "egg-info":
            members = [f"{entry}/METADATA", f"{entry}/PKG-INFO", entry]
            found[entry] = [member for member in members if member in present]
    return found


def _entry_of(place: str) -> str:
    return place.partition("/")[0]


def _is_endless(entry: str) -> bool:
    return len(entry) > ENTRY_CAP and entry.lower().endswith("-info")


def _headers(archive: ZipFile, members: list[str]) -> Headers:
    for member in members:
        content = _head(archive, member, HEADER_CAP_BYTES + 1)
        if content:
            return parse_headers(content)
    return Headers(None, None)


def _requires(archive: ZipFile, entry: str) -> Requirements:
    if entry.lower().endswith(DIST_INFO):
        return Requirements()
    try:
        content = _head(archive, f"{entry}/requires.txt", REQUIRES_CAP_BYTES + 1)
    except KeyError:
        return Requirements()
    if len(content) > REQUIRES_CAP_BYTES:
        return Requirements((), f"requires.txt: longer than {REQUIRES_CAP_BYTES} bytes")
    return parse_requires_text(content)


def _head(archive: ZipFile, member: str, cap_bytes: int) -> bytes:
    info = archive.getinfo(member)
    if info.compress_type not in (0, 8):
        raise NotImplementedError(info.compress_type)
    with archive.open(info) as opened:
        return opened.read(cap_bytes)


def _unreadable(folder: Folder, reason: str = "not a zip file that can be read") -> ProblemDetail:
    return ProblemDetail("unreadable", None, f"{shown(folder.path)}: {reason}")
