"""Distributions inside a zip file on the path: a zipped ``.egg``, or a wheel that is imported from.

Only the directory and the metadata are read, within limits: an archive may be hostile.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from envguard.domain.environment import ProblemDetail
from envguard.inventory.distributions import Contents, Distribution, normalised
from envguard.inventory.files import shown
from envguard.inventory.metadata import HEADER_CAP_BYTES, parse_headers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zipfile import ZipFile

    from envguard.inventory.search_path import Folder

_SIZE_CAP_BYTES = 512 * 1024 * 1024
_METADATA = re.compile(
    r"EGG-INFO/PKG-INFO|[^/]+\.dist-info/METADATA|[^/]+\.egg-info(?:/PKG-INFO)?", re.IGNORECASE
)


def read_archive(folder: Folder) -> Contents:
    """Answer the distributions of a zip file; nothing where the path is no zip file."""
    if not os.path.isfile(folder.path):
        return Contents((), ())
    import zipfile
    import zlib

    try:
        descriptor = folder.reader.open(folder.path)
    except OSError:
        return Contents((), (_unreadable(folder),))
    with os.fdopen(descriptor, "rb") as file:
        if os.fstat(descriptor).st_size > _SIZE_CAP_BYTES or file.read(2) != b"PK":
            return Contents((), ())
        try:
            with zipfile.ZipFile(file) as archive:
                return Contents(tuple(_distributions(folder, archive)), ())
        except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError):
            return Contents((), (_unreadable(folder),))


def _distributions(folder: Folder, archive: ZipFile) -> Iterator[Distribution]:
    for place in archive.namelist():
        if not _METADATA.fullmatch(place):
            continue
        with archive.open(place) as member:
            headers = parse_headers(member.read(HEADER_CAP_BYTES))
        if headers.name and headers.version:
            yield Distribution(
                name=normalised(headers.name),
                version=headers.version,
                origin=None,
                place=os.path.join(folder.path, place.partition("/")[0]),
                folder=folder,
            )


def _unreadable(folder: Folder) -> ProblemDetail:
    return ProblemDetail("unreadable", None, f"{shown(folder.path)}: not a zip file that can be read")
