"""Name, version and requirements in a distribution's METADATA or PKG-INFO.

Rules (as the standard library's e-mail parser, which ``importlib.metadata`` uses, but lenient in encoding)
1. Headers end at the first empty line, or at the first line that is neither header nor continuation.
2. The first header of a name wins; names are compared without case.
3. A line that begins with a blank continues the header before it.
4. Bytes that are not UTF-8 are escaped, a byte order mark is dropped.
5. An egg-info's ``requires.txt`` has sections, ``[EXTRA:MARKER]``; those of an extra are left out.
6. Only so many requirements, and headers of so many bytes, are read; that there are more is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from envguard.inventory.files import Reader, shown

HEADER_CAP_BYTES = 1024 * 1024
"""More of a file is never read: descriptions of 3 MB are legal, headers of that size are not."""

_FIRST_READ_BYTES = 8 * 1024
_REQUIRES_CAP = 4096
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n?")
_FOLD = re.compile(rb"\n(?=[ \t])")
_LAST = b"X-Last: \n"
_BLANKS = (b" ", b"\t")
_ORPHANS = re.compile(rb"\A(?:[ \t][^\n]*\n)*")
"""Continuations of no header, at the very beginning."""
_REQUIRES = re.compile(rb"\nRequires-Dist:([^\n]*)")
_BLOCK = re.compile(rb"(?:[\x21-\x39\x3b-\x7e]*:[^\n]*\n)*")


class Headers(msgspec.Struct, frozen=True):
    """The headers that the inventory wants."""

    name: str | None
    """None where the file has none, or an empty one."""
    version: str | None
    """Likewise."""
    requires: tuple[str, ...] = ()
    """Each ``Requires-Dist`` as it is written, without those that only an extra brings."""
    fault: str | None = None
    """Why there may be more than this; None where this is all."""


class Requirements(msgspec.Struct, frozen=True):
    """What an egg-info requires without any extra."""

    texts: tuple[str, ...] = ()
    """Each written as ``Requires-Dist``."""
    fault: str | None = None
    """Why there may be more than this; None where this is all."""


def read_headers(reader: Reader, path: str) -> Headers:
    """Answer the headers of a metadata file; OSError where it cannot be read."""
    head = reader.read_head(path, cap_bytes=_FIRST_READ_BYTES)
    if len(head) == _FIRST_READ_BYTES and b"\n\n" not in head and b"\n\r\n" not in head:
        head = reader.read_head(path, cap_bytes=HEADER_CAP_BYTES + 1)
    return parse_headers(head)


def parse_headers(content: bytes) -> Headers:
    """Answer the headers of metadata text, of which one byte more than the cap is enough."""
    block = b"\n" + _header_block(content[:HEADER_CAP_BYTES])
    lowered = block.lower()
    requires = _REQUIRES.findall(block)
    if len(requires) != lowered.count(b"\nrequires-dist:"):
        requires = list(_values(block, lowered, b"\nrequires-dist:"))
    return Headers(
        _first(block, lowered, b"\nname:"),
        _first(block, lowered, b"\nversion:"),
        tuple(
            [_text(each) for each in requires[:_REQUIRES_CAP] if b"extra ==" not in each or b" or " in each]
        ),
        _fault(content, len(requires)),
    )


def parse_requires_text(content: bytes) -> Requirements:
    """Answer what the text of a ``requires.txt`` requires."""
    requires: list[str] = []
    extra, marker = "", ""
    for line in content.decode("utf-8", "backslashreplace").splitlines():
        text = shown(line.strip())
        if text.startswith("[") and text.endswith("]"):
            extra, _, marker = text[1:-1].partition(":")
        elif text and not text.startswith("#") and not extra:
            end = " ;" if "@" in text else ";"  # else a URL would go on
            requires.append(f"{text}{end} {marker}" if marker else text)
    return Requirements(tuple(requires[:_REQUIRES_CAP]), _fault(b"", len(requires)))


def _fault(content: bytes, requires: int) -> str | None:
    if requires > _REQUIRES_CAP:
        return f"more requirements than {_REQUIRES_CAP}"
    if len(content) <= HEADER_CAP_BYTES or not _goes_on(content):
        return None
    return f"headers longer than bytes: {HEADER_CAP_BYTES}"


def _goes_on(content: bytes) -> bool:
    """Whether the headers reach up to the cap: behind an end before it, one more would be no header."""
    lines = content[: content.rfind(b"\n", 0, HEADER_CAP_BYTES) + 1]
    return _header_block(lines + _LAST).endswith(_LAST)


def _first(block: bytes, lowered: bytes, key: bytes) -> str | None:
    return next(map(_text, _values(block, lowered, key)), None) or None


def _values(block: bytes, lowered: bytes, key: bytes) -> Iterator[bytes]:
    """The values of one header; searching for text is several times faster than for a pattern."""
    start = lowered.find(key)
    while start >= 0:
        begin = start + len(key)
        end = block.find(b"\n", begin)
        yield block[begin:end]
        start = lowered.find(key, end)


def _header_block(content: bytes) -> bytes:
    """The header lines, unfolded, each with a line feed at its end."""
    text = content.removeprefix(_BYTE_ORDER_MARK)
    if b"\r" in text:
        text = _LINE_END.sub(b"\n", text)
    end = text.find(b"\n\n")
    head = text[: end + 1] if end >= 0 else text + b"\n"
    if head.startswith(_BLANKS):
        head = _ORPHANS.sub(b"", head, count=1)
    if b"\n " in head or b"\n\t" in head:
        head = _FOLD.sub(b"", head)
    block = _BLOCK.match(head)
    return block[0] if block else b""


def _text(value: bytes) -> str:
    return shown(" ".join(value.decode("utf-8", "backslashreplace").split()))
