"""The distributions whose metadata lies in one folder of the search path.

Rules
1. ``NAME.dist-info`` and ``NAME.egg-info``, as folder or file, in any capitals; an ``.egg`` on the path by
   its ``EGG-INFO``.
2. Metadata that is absent, empty or lacks name or version: the folder's name tells, and it is
   ``unreadable``.
3. What begins with ``~`` was left over by pip and is never a package.
4. In a folder that a ``.pth`` added for an ``.egg-link``, the egg-info is an editable project's.
5. Where metadata names no requirements, an egg-info's ``requires.txt`` does.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.environment import Origin, ProblemDetail, ProblemKind
from envguard.domain.requirements import normalised_name
from envguard.inventory.files import escaped, is_absent, reason_of, shown
from envguard.inventory.metadata import Headers, parse_requires_text, read_headers
from envguard.inventory.origin import UNKNOWN, read_origin
from envguard.inventory.search_path import Folder
from envguard.inventory.wheel import read_build

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EGG_LINK = ".egg-link"
"""The ending of the file by which setuptools finds what was installed by ``develop``."""

DIST_INFO = ".dist-info"
"""The ending of a folder of metadata, as installers of today make it."""
REQUIRES_CAP_BYTES = 256 * 1024
"""Of a ``requires.txt``."""

_EGG_INFO = ".egg-info"
_SUFFIXES = (DIST_INFO, _EGG_INFO)
_EGG = "egg-info"
"""Inside an ``.egg``; in any capitals, mostly ``EGG-INFO``."""
_STANDARD = frozenset({"python", "wsgiref", "argparse"})
"""Egg-infos that belong to the standard library; pip hides them."""
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_STEM = re.compile(r"(.+?)-(\d[^-]*)(?:-.*)?")
_EDITABLE = Origin(kind="editable")
_DEBIAN = Origin(kind="debian")
_INSTALLER_CAP_BYTES = 256
_EGG_LINK_CAP_BYTES = 64 * 1024


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """One distribution as its metadata tells it, and where that lies."""

    name: str
    version: str
    origin: Origin | None
    """None for one from an index."""
    place: str
    """The path of its metadata; an egg-info of the same folder and version is the same distribution."""
    folder: Folder
    requires: tuple[str, ...] = ()
    """What it requires, as it is written."""
    build: str | None = None
    installer: str | None = None
    """The tool that installed it, in lower case; None where it does not say so."""
    is_told_by_metadata: bool = False
    """Whether its ``METADATA`` tells name and version, so that nothing else was asked."""

    @property
    def looked_at(self) -> Iterator[str]:
        """The paths that decided: the place of its metadata, and files inside that may be edited in place.

        A file that is absent there cannot come without a change of the place; one inside an archive not
        without one of the archive, which is looked at as a part of the path.
        """
        place = self.place
        if self.folder.names is None:
            return
        yield from (place, f"{place}/METADATA")
        if not self.is_told_by_metadata:
            yield f"{place}/PKG-INFO"
        if not place.lower().endswith(DIST_INFO):
            yield f"{place}/requires.txt"
            return
        yield from (f"{place}/WHEEL", f"{place}/INSTALLER")
        if self.origin is not None:
            yield f"{place}/direct_url.json"


class Contents(msgspec.Struct, frozen=True):
    """What one folder holds."""

    distributions: tuple[Distribution, ...]
    problems: tuple[ProblemDetail, ...]


def read_folder(folder: Folder, links: frozenset[str]) -> Contents:
    """Answer the distributions of a folder; ``links`` are where ``.egg-link`` files lead."""
    found: list[Distribution] = []
    problems: list[ProblemDetail] = []
    is_linked = folder.kind == "added" and os.path.realpath(folder.path) in links
    for entry in _entries(folder):
        path = f"{folder.path}/{entry}"
        if entry.startswith("~"):
            problems.append(_leftover(folder, path, entry))
            continue
        if entry.lower().endswith(DIST_INFO):
            distribution, reasons = _read_dist_info(folder, path, entry)
        else:
            distribution, reasons = _read_egg_info(folder, path, entry)
        if is_linked:
            distribution = msgspec.structs.replace(distribution, origin=_EDITABLE)
        if folder.kind == "library" and distribution.name in _STANDARD:
            continue
        problems += [_unreadable(distribution.name or None, path, reason) for reason in reasons]
        if distribution.name.strip("-"):
            found.append(distribution)
    return Contents(tuple(found), tuple(problems))


def egg_links(folder: Folder) -> tuple[frozenset[str], list[ProblemDetail]]:
    """Answer the real folders to which a site folder's ``.egg-link`` files lead, and which cannot be read."""
    linked: set[str] = set()
    problems: list[ProblemDetail] = []
    for name in folder.names or ():
        if name.endswith(EGG_LINK):
            try:
                lines = _lines_of_link(folder, name)[:1]
            except OSError as error:
                lines = []
                if not is_absent(error):
                    problems.append(_unreadable(None, f"{folder.path}/{name}", reason_of(error)))
            linked.update(os.path.realpath(os.path.join(folder.path, line)) for line in lines)
    return frozenset(linked), problems


def egg_link_places(folder: Folder) -> Iterator[str]:
    """Yield the paths of the ``.egg-link`` files of a folder."""
    return (f"{folder.path}/{name}" for name in folder.names or () if name.endswith(EGG_LINK))


def read_egg_link(folder: Folder, name: str) -> list[str]:
    """Answer the lines of an ``.egg-link``: the folder, and the way from there to its project.

    Empty where it cannot be read.
    """
    try:
        return _lines_of_link(folder, name)
    except OSError:
        return []


def _lines_of_link(folder: Folder, name: str) -> list[str]:
    content = folder.reader.read(os.path.join(folder.path, name), cap_bytes=_EGG_LINK_CAP_BYTES)
    return [os.fsdecode(line.strip()) for line in content.replace(b"\0", b"").splitlines()]


def normalised(name: str) -> str:
    """Answer the name by PEP 503; characters that no name may hold are escaped."""
    plain = normalised_name(name)
    if _PLAIN_NAME.fullmatch(name):
        return plain
    return "".join(c if c.isascii() and (c.isalnum() or c == "-") else escaped(c) for c in plain)


def _entries(folder: Folder) -> Iterator[str]:
    for name in folder.names or ():
        if name.lower().endswith(_SUFFIXES) or (name.startswith("~") and folder.kind != "library"):
            yield name
    if folder.path.lower().endswith(".egg"):
        yield from (name for name in folder.names or () if name.lower() == _EGG)


def name_in(entry: str) -> str:
    """Answer the normalised name in the name of a metadata folder or file."""
    return normalised(entry.rpartition(".")[0].partition("-")[0])


def told_by(folder: Folder, entry: str) -> tuple[str, str]:
    """Answer name and version in the name of a metadata folder; the version may be empty."""
    stem = os.path.basename(folder.path)[:-4] if entry.lower() == _EGG else entry[: -len(DIST_INFO)]
    if entry.lower().endswith(_EGG_INFO):
        stem = entry[: -len(_EGG_INFO)]
    match = _STEM.fullmatch(stem)
    return (match[1], match[2]) if match else (stem.partition("-")[0], stem.partition("-")[2])


def _read_dist_info(folder: Folder, path: str, entry: str) -> tuple[Distribution, list[str]]:
    headers, trouble, told_in = _headers(folder, path)
    origin, origin_trouble = _origin(folder, path)
    reasons = [reason for reason in (trouble, origin_trouble) if reason]
    name, version = _name_and_version(folder, headers, entry)
    told = Distribution(
        name=name,
        version=version,
        origin=origin,
        place=path,
        folder=folder,
        requires=headers.requires,
        build=_build(folder, path, reasons),
        installer=_installer(folder, path, reasons),
        is_told_by_metadata=told_in.endswith("/METADATA"),
    )
    return told, reasons


def _read_egg_info(folder: Folder, path: str, entry: str) -> tuple[Distribution, list[str]]:
    headers, trouble, _ = _headers(folder, path)
    reasons = [trouble] if trouble else []
    name, version = _name_and_version(folder, headers, entry)
    told = Distribution(
        name=name,
        version=version,
        origin=_DEBIAN if folder.kind == "debian" else None,
        place=path,
        folder=folder,
        requires=headers.requires or _requires(folder, path, reasons),
    )
    return told, reasons


def _name_and_version(folder: Folder, headers: Headers, entry: str) -> tuple[str, str]:
    """What the headers tell, and where they do not, the name of the folder."""
    name, version = headers.name, headers.version
    if not (name and version):
        told_name, told_version = told_by(folder, entry)
        name, version = name or told_name, version or shown(told_version)
    return normalised(name), version


def _headers(folder: Folder, path: str) -> tuple[Headers, str | None, str]:
    """The headers, why they are not complete, and where they stand where they are.

    In ``importlib.metadata``'s order of places.
    """
    found = _first_headers(folder, (f"{path}/METADATA", f"{path}/PKG-INFO"))
    if found[1] and not _is_folder(path):
        return _first_headers(folder, (path,))
    return found


def _first_headers(folder: Folder, places: Iterable[str]) -> tuple[Headers, str | None, str]:
    reason = "no metadata"
    for place in places:
        try:
            headers = read_headers(folder.reader, place)
        except FileNotFoundError:
            continue
        except OSError as error:
            reason = reason_of(error)
            continue
        if headers.name and headers.version:
            return headers, headers.fault, place
        missing = [
            word for word, value in (("Name", headers.name), ("Version", headers.version)) if not value
        ]
        if len(missing) == 2 and _is_empty(place):
            reason = "empty metadata"
            continue
        return headers, f"no {' and no '.join(missing)} in its metadata", ""
    return Headers(None, None), reason, ""


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


def _origin(folder: Folder, path: str) -> tuple[Origin | None, str | None]:
    """The origin, and why it could not be read."""
    try:
        return read_origin(folder.reader, f"{path}/direct_url.json"), None
    except (FileNotFoundError, NotADirectoryError):
        return (_DEBIAN if folder.kind == "debian" else None), None
    except OSError as error:
        return UNKNOWN, f"direct_url.json: {reason_of(error)}"


def _build(folder: Folder, path: str, reasons: list[str]) -> str | None:
    try:
        return read_build(folder.reader, f"{path}/WHEEL")
    except OSError as error:
        _tell("WHEEL", error, reasons)
        return None


def _installer(folder: Folder, path: str, reasons: list[str]) -> str | None:
    """As ``INSTALLER`` says (Recording installed projects, "The INSTALLER file")."""
    try:
        content = folder.reader.read_head(f"{path}/INSTALLER", cap_bytes=_INSTALLER_CAP_BYTES)
    except OSError as error:
        _tell("INSTALLER", error, reasons)
        return None
    return shown(content.decode("utf-8", "backslashreplace").strip().lower()) or None


def _requires(folder: Folder, path: str, reasons: list[str]) -> tuple[str, ...]:
    try:
        content = folder.reader.read(f"{path}/requires.txt", cap_bytes=REQUIRES_CAP_BYTES)
    except OSError as error:
        _tell("requires.txt", error, reasons)
        return ()
    found = parse_requires_text(content)
    if found.fault:
        reasons.append(found.fault)
    return found.texts


def _tell(name: str, error: OSError, reasons: list[str]) -> None:
    """Add why a file cannot be read, unless it is absent, or the reason is told of one that matters more."""
    if not reasons and not is_absent(error):
        reasons.append(f"{name}: {reason_of(error)}")


def _leftover(folder: Folder, path: str, entry: str) -> ProblemDetail:
    kind: ProblemKind = "leftover"
    if not entry.lower().endswith(_SUFFIXES):
        return ProblemDetail(kind, None, shown(path))
    headers, _, _ = _headers(folder, path)
    return ProblemDetail(kind, normalised(headers.name) if headers.name else None, shown(path))


def _unreadable(name: str | None, path: str, reason: str) -> ProblemDetail:
    return ProblemDetail("unreadable", name, f"{shown(path)}: {reason}")
