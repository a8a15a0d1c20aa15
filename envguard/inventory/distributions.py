"""The distributions whose metadata lies in one folder of the search path.

Rules
1. ``NAME.dist-info`` and ``NAME.egg-info``, as folder or file, in any capitals; an ``.egg`` on the path by
   its ``EGG-INFO``.
2. Metadata that is absent, empty or lacks name or version: the folder's name tells, and it is
   ``unreadable``.
3. What begins with ``~`` was left over by pip and is never a package.
4. In a folder that a ``.pth`` added for an ``.egg-link``, the egg-info is an editable project's.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.environment import Origin, ProblemDetail, ProblemKind
from envguard.inventory.files import escaped, reason_of, shown
from envguard.inventory.metadata import Headers, read_headers
from envguard.inventory.origin import UNKNOWN, read_origin
from envguard.inventory.search_path import Folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_SUFFIXES = (".dist-info", ".egg-info")
_EGG = "egg-info"
"""Inside an ``.egg``; in any capitals, mostly ``EGG-INFO``."""
_STANDARD = frozenset({"python", "wsgiref", "argparse"})
"""Egg-infos that belong to the standard library; pip hides them."""
_RUNS = re.compile(r"[-_.]+")
_STEM = re.compile(r"(.+?)-(\d[^-]*)(?:-.*)?")
_EDITABLE = Origin(kind="editable")
_DEBIAN = Origin(kind="debian")


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """One distribution as its metadata tells it, and where that lies."""

    name: str
    version: str
    origin: Origin | None
    """None for one from an index."""
    place: str
    """The path of its metadata; an egg-info of the same folder and version is the same distribution."""
    folder: Folder


class Contents(msgspec.Struct, frozen=True):
    """What one folder holds."""

    distributions: tuple[Distribution, ...]
    problems: tuple[ProblemDetail, ...]


def read_folder(folder: Folder, links: frozenset[str]) -> Contents:
    """Answer the distributions of a folder; ``links`` are where ``.egg-link`` files lead."""
    found: list[Distribution] = []
    problems: list[ProblemDetail] = []
    for entry in _entries(folder):
        path = os.path.join(folder.path, entry)
        if entry.startswith("~"):
            problems.append(_leftover(folder, path, entry))
            continue
        distribution, troubles = _read(folder, path, entry, links)
        if folder.kind == "library" and distribution.name in _STANDARD:
            continue
        problems += troubles
        if distribution.name.strip("-"):
            found.append(distribution)
    return Contents(tuple(found), tuple(problems))


def egg_links(folder: Folder) -> frozenset[str]:
    """Answer the real folders to which the ``.egg-link`` files of a site folder lead."""
    names = [name for name in folder.names or () if name.endswith(".egg-link")]
    return frozenset(target for name in names if (target := _link_target(folder, name)))


def normalised(name: str) -> str:
    """Answer the name by PEP 503; characters that no name may hold are escaped."""
    plain = _RUNS.sub("-", name).lower()
    return "".join(c if c.isascii() and (c.isalnum() or c == "-") else escaped(c) for c in plain)


def _entries(folder: Folder) -> Iterator[str]:
    for name in folder.names or ():
        if name.lower().endswith(_SUFFIXES) or (name.startswith("~") and folder.kind != "library"):
            yield name
    if folder.path.lower().endswith(".egg"):
        yield from (name for name in folder.names or () if name.lower() == _EGG)


def _link_target(folder: Folder, name: str) -> str | None:
    try:
        content = folder.reader.read(os.path.join(folder.path, name), cap_bytes=64 * 1024)
    except OSError:
        return None
    lines = content.replace(b"\0", b"").splitlines()
    return os.path.realpath(os.path.join(folder.path, os.fsdecode(lines[0].strip()))) if lines else None


def _read(
    folder: Folder, path: str, entry: str, links: frozenset[str]
) -> tuple[Distribution, list[ProblemDetail]]:
    headers, trouble = _headers(folder, path)
    told_name, told_version = told_by(folder, entry)
    name = normalised(headers.name or told_name)
    origin, origin_trouble = _origin(folder, path, entry, links)
    distribution = Distribution(
        name=name,
        version=headers.version or shown(told_version),
        origin=origin,
        place=path,
        folder=folder,
    )
    reasons = [reason for reason in (trouble, origin_trouble) if reason]
    return distribution, [
        ProblemDetail("unreadable", name or None, f"{shown(path)}: {reason}") for reason in reasons
    ]


def _headers(folder: Folder, path: str) -> tuple[Headers, str | None]:
    """Name and version, and why they are not complete."""
    reason = "no metadata"
    for place in _metadata_places(path):
        try:
            headers = read_headers(folder.reader, place)
        except FileNotFoundError:
            continue
        except OSError as error:
            reason = reason_of(error)
            continue
        missing = [
            word for word, value in (("Name", headers.name), ("Version", headers.version)) if not value
        ]
        if len(missing) == 2 and _is_empty(place):
            reason = "empty metadata"
            continue
        return headers, f"no {' and no '.join(missing)} in its metadata" if missing else None
    return Headers(None, None), reason


def _metadata_places(path: str) -> list[str]:
    """Where the metadata may lie, in ``importlib.metadata``'s order."""
    if not _is_folder(path):
        return [path]
    return [os.path.join(path, "METADATA"), os.path.join(path, "PKG-INFO")]


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except OSError:
        return False


def _is_empty(path: str) -> bool:
    try:
        return os.stat(path).st_size == 0
    except OSError:
        return False


def told_by(folder: Folder, entry: str) -> tuple[str, str]:
    """Name and version in the name of the folder; the version may be empty."""
    stem = os.path.basename(folder.path)[:-4] if entry.lower() == _EGG else entry[: -len(".dist-info")]
    if entry.lower().endswith(".egg-info"):
        stem = entry[: -len(".egg-info")]
    match = _STEM.fullmatch(stem)
    return (match[1], match[2]) if match else (stem.partition("-")[0], stem.partition("-")[2])


def _origin(folder: Folder, path: str, entry: str, links: frozenset[str]) -> tuple[Origin | None, str | None]:
    """The origin, and why it could not be read."""
    if folder.kind == "added" and os.path.realpath(folder.path) in links:
        return _EDITABLE, None
    if entry.lower().endswith(".dist-info"):
        try:
            return read_origin(folder.reader, os.path.join(path, "direct_url.json")), None
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            return UNKNOWN, f"direct_url.json: {reason_of(error)}"
    return (_DEBIAN if folder.kind == "debian" else None), None


def _leftover(folder: Folder, path: str, entry: str) -> ProblemDetail:
    kind: ProblemKind = "leftover"
    if not entry.lower().endswith(_SUFFIXES):
        return ProblemDetail(kind, None, shown(path))
    headers, _ = _headers(folder, path)
    return ProblemDetail(kind, normalised(headers.name) if headers.name else None, shown(path))
