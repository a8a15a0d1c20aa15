"""Where a distribution came from, as its installer wrote it in ``direct_url.json`` (PEP 610).

Rules
1. URLs are kept as ``domain.addresses`` keeps them, so that a lock's and an installed one compare equal.
2. What cannot be understood (broken, too deep, too long, no object) is ``unknown``, never ``index``.
3. Of several digests of an archive the sha256 counts, which locks have; else the first that is one. A digest
   that cannot be understood is none.
"""

from __future__ import annotations

import re

import msgspec

from envguard.domain.addresses import plain_address
from envguard.domain.environment import Origin
from envguard.inventory.files import Reader, shown

UNKNOWN = Origin(kind="unknown")
"""Something is written, but nobody can say what."""

_CAP_BYTES = 64 * 1024
_DIGEST = r"(?:md5|sha1|sha224|sha256|sha384|sha512|blake2b|blake2s|sha3_\d{3}):[0-9a-f]{32,128}"


class _VcsInfo(msgspec.Struct):
    commit_id: str | None = None


class _DirInfo(msgspec.Struct):
    editable: bool = False


class _ArchiveInfo(msgspec.Struct):
    hash: object = None
    """Of older installers: ``sha256=`` and hexadecimal digits."""
    hashes: object = None
    """By algorithm."""


class DirectUrl(msgspec.Struct):
    """What ``direct_url.json`` says, as PEP 610 names it."""

    url: str
    vcs_info: _VcsInfo | None = None
    dir_info: _DirInfo | None = None
    archive_info: _ArchiveInfo | None = None
    subdirectory: str | None = None


def read_origin(reader: Reader, path: str) -> Origin:
    """Answer the origin that the file tells; OSError where it cannot be read."""
    return parse_origin(reader.read(path, cap_bytes=_CAP_BYTES))


def parse_origin(content: bytes) -> Origin:
    """Answer the origin that the text of a ``direct_url.json`` tells."""
    direct = parse_direct_url(content)
    if direct is None:
        return UNKNOWN
    url = _address(direct.url)
    if direct.vcs_info is not None:
        commit = direct.vcs_info.commit_id
        return Origin(kind="vcs", url=url, commit=None if commit is None else shown(commit))
    if direct.dir_info is not None:
        return Origin(kind="editable" if direct.dir_info.editable else "directory", url=url)
    if direct.archive_info is not None:
        return Origin(kind="archive", url=url, archive_digest=_digest(direct.archive_info))
    return UNKNOWN


def parse_direct_url(content: bytes) -> DirectUrl | None:
    """Answer what the text of a ``direct_url.json`` says; None where it cannot be understood."""
    try:
        return msgspec.json.decode(content, type=DirectUrl)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None


def _address(url: str) -> str | None:
    """What may be shown and sent of an address; None for local files and for what is no URL."""
    plain = plain_address(url)
    return None if plain is None else shown(plain)


def _digest(archive: _ArchiveInfo) -> str | None:
    table = archive.hashes if isinstance(archive.hashes, dict) else {}
    told = [f"{kind}:{value}" for kind, value in table.items()]
    if isinstance(archive.hash, str):
        told.append(archive.hash.replace("=", ":", 1))
    digests = [each.lower() for each in told if re.fullmatch(_DIGEST, each.lower())]
    return min(digests, key=lambda each: not each.startswith("sha256:"), default=None)
