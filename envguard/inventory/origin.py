"""Where a distribution came from, as its installer wrote it in ``direct_url.json`` (PEP 610).

Rules
1. URLs lose user, password, query and fragment: each can carry a credential. Local ones are not kept at all.
2. What cannot be understood (broken, too deep, too long, no object) is ``unknown``, never ``index``.
"""

from __future__ import annotations

import re

import msgspec

from envguard.domain.environment import Origin
from envguard.inventory.files import Reader, shown

UNKNOWN = Origin(kind="unknown")
"""Something is written, but nobody can say what."""

_CAP_BYTES = 64 * 1024
_URL = r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)"


class _VcsInfo(msgspec.Struct):
    commit_id: str | None = None


class _DirInfo(msgspec.Struct):
    editable: bool = False


class DirectUrl(msgspec.Struct):
    """What ``direct_url.json`` says, as PEP 610 names it."""

    url: str
    vcs_info: _VcsInfo | None = None
    dir_info: _DirInfo | None = None
    archive_info: dict[str, msgspec.Raw] | None = None
    subdirectory: str | None = None


def read_origin(reader: Reader, path: str) -> Origin:
    """Answer the origin that the file tells; OSError where it cannot be read."""
    return parse_origin(reader.read(path, cap_bytes=_CAP_BYTES))


def parse_origin(content: bytes) -> Origin:
    """Answer the origin that the text of a ``direct_url.json`` tells."""
    direct = parse_direct_url(content)
    if direct is None:
        return UNKNOWN
    url = without_credentials(direct.url)
    if direct.vcs_info is not None:
        commit = direct.vcs_info.commit_id
        return Origin(kind="vcs", url=url, commit=None if commit is None else shown(commit))
    if direct.dir_info is not None:
        return Origin(kind="editable" if direct.dir_info.editable else "directory", url=url)
    if direct.archive_info is not None:
        return Origin(kind="archive", url=url)
    return UNKNOWN


def parse_direct_url(content: bytes) -> DirectUrl | None:
    """Answer what the text of a ``direct_url.json`` says; None where it cannot be understood."""
    try:
        return msgspec.json.decode(content, type=DirectUrl)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None


def without_credentials(url: str) -> str | None:
    """Answer a URL that may be shown and sent; None for local files and for what is no URL."""
    parts = re.match(_URL, url)
    if parts is None or parts[1].lower().endswith("file"):
        return None
    host = parts[2].rpartition("@")[2]
    return shown(f"{parts[1]}://{host}{parts[3]}")
