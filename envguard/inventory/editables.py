"""The packages that are imported from somebody's folder, and what is checked out there.

Rules: where the folder is, the first that says so
1. ``direct_url.json`` (PEP 610): the project's own folder.
2. An ``.egg-link``: the folder that it names, and in its second line the way from there to the project.
3. A ``.pth`` of the package's own (``__editable__.NAME-VERSION.pth``, ``_NAME.pth``, ``NAME.pth``): the first
   folder in it.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from envguard.domain.environment import Editable, Package
from envguard.inventory.distributions import DIST_INFO, EGG_LINK, name_in, normalised, read_egg_link
from envguard.inventory.files import shown
from envguard.inventory.git import commit_of
from envguard.inventory.origin import parse_direct_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envguard.inventory.search_path import Folder, SearchPath

_CAP_BYTES = 64 * 1024
_FILE_URL = r"file:(?://(?:localhost)?)?(/(?!/)[^?#]*)"
_OWN_PTH = r"(?:__editable__\.|_*)(.+?)(?:-[0-9][^-]*)?\.pth"


def editables_of(path: SearchPath, packages: Iterable[Package]) -> tuple[Editable, ...]:
    """Answer where each editable package of a search path is imported from; sorted by name.

    One of which nothing says where is left out.
    """
    wanted = {package.name for package in packages if package.origin.kind == "editable"}
    found: dict[str, Editable] = {}
    for told in (_by_direct_url, _by_egg_link, _by_pth) if wanted else ():
        for folder in path.folders:
            for name, place in told(folder, wanted - found.keys()):
                found.setdefault(name, Editable(name, shown(place), commit_of(place, folder.reader)))
    return tuple(found[name] for name in sorted(found))


def _by_direct_url(folder: Folder, wanted: set[str]) -> Iterator[tuple[str, str]]:
    for entry in folder.names or ():
        if not entry.lower().endswith(DIST_INFO):
            continue
        name = name_in(entry)
        content = _content(folder, os.path.join(entry, "direct_url.json")) if name in wanted else None
        place = editable_folder(content) if content is not None else None
        if place is not None:
            yield name, place


def editable_folder(content: bytes) -> str | None:
    """Answer the folder that a ``direct_url.json`` names as editable; None where it names none."""
    direct = parse_direct_url(content)
    if direct is None or direct.dir_info is None or not direct.dir_info.editable:
        return None
    match = re.fullmatch(_FILE_URL, direct.url)
    if match is None:
        return None
    from urllib.parse import unquote_to_bytes

    place = os.fsdecode(unquote_to_bytes(match[1].encode("utf-8", "surrogateescape")))
    return None if "\0" in place else os.path.normpath(place)


def _by_egg_link(folder: Folder, wanted: set[str]) -> Iterator[tuple[str, str]]:
    for entry in folder.names or ():
        if entry.endswith(EGG_LINK) and (name := normalised(entry[: -len(EGG_LINK)])) in wanted:
            lines = read_egg_link(folder, entry)
            if lines:
                yield name, os.path.normpath(os.path.join(folder.path, *lines[:2]))


def _by_pth(folder: Folder, wanted: set[str]) -> Iterator[tuple[str, str]]:
    for entry in folder.names or ():
        match = re.fullmatch(_OWN_PTH, entry) if entry.endswith(".pth") else None
        name = normalised(match[1]) if match else None
        content = _content(folder, entry) if name in wanted else None
        if name is None or content is None:
            continue
        for line in map(os.fsdecode, content.splitlines()):
            place = os.path.normpath(os.path.join(folder.path, line.strip()))
            if line.strip() and "\0" not in line and os.path.isdir(place):
                yield name, place
                break


def _content(folder: Folder, place: str) -> bytes | None:
    try:
        return folder.reader.read(os.path.join(folder.path, place), cap_bytes=_CAP_BYTES)
    except OSError:
        return None
