"""The name and version in a distribution's METADATA or PKG-INFO.

Rules (as the standard library's e-mail parser, which ``importlib.metadata`` uses, but lenient in encoding)
1. Headers end at the first empty line, or at the first line that is neither header nor continuation.
2. The first header of a name wins; names are compared without case.
3. A line that begins with a blank continues the header before it.
4. Bytes that are not UTF-8 are escaped, a byte order mark is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from envguard.inventory.files import Reader, shown

HEADER_CAP_BYTES = 1024 * 1024
"""More of a file is never read: descriptions of 3 MB are legal, headers of that size are not."""

_FIRST_READ_BYTES = 4 * 1024
_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n|\Z)")
_WANTED = ("name", "version")
_HEADER = re.compile(r"([\x21-\x39\x3b-\x7e]*):(.*)", re.DOTALL)
_BLANKS = re.compile(r"\s+")


class Headers(msgspec.Struct, frozen=True):
    """The two headers that the inventory wants; None where the file has none, or an empty one."""

    name: str | None
    version: str | None


def read_headers(reader: Reader, path: str) -> Headers:
    """Answer name and version of a metadata file; OSError where it cannot be read."""
    head = reader.read_head(path, cap_bytes=_FIRST_READ_BYTES)
    if len(head) < _FIRST_READ_BYTES:
        return parse_headers(head)
    early = parse_headers(head[: max(head.rfind(b"\n"), 0)])
    if early.name and early.version:
        return early
    return parse_headers(reader.read_head(path, cap_bytes=HEADER_CAP_BYTES))


def parse_headers(content: bytes) -> Headers:
    """Answer name and version of metadata text."""
    found: dict[str, str] = {}
    for name, value in _headers(content.decode("utf-8-sig", "backslashreplace")):
        found.setdefault(name, value)
        if len(found) == 2:
            break
    return Headers(name=found.get("name") or None, version=found.get("version") or None)


def _headers(text: str) -> Iterator[tuple[str, str]]:
    """The wanted headers, unfolded, in their order."""
    name, parts = "", [""]
    for match in _LINE.finditer(text):
        line = match[1]
        if line.startswith((" ", "\t")):
            parts.append(line)
            continue
        yield from _wanted(name, parts)
        header = _HEADER.fullmatch(line)
        if header is None:
            return
        name, parts = header[1].lower(), [header[2]]


def _wanted(name: str, parts: list[str]) -> Iterator[tuple[str, str]]:
    if name in _WANTED:
        yield name, shown(_BLANKS.sub(" ", "\n".join(parts)).strip())
