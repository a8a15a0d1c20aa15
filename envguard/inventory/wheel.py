"""What tells two builds of one version apart: the tags of the wheel that was installed.

Rules
1. A wheel for any machine is the same everywhere: its tags are not told.
2. Several tags are written as in a wheel's file name, each part once, sorted (PEP 425, "Compressed tag
   sets").
3. A build number goes before the tags (``Build``, in the binary distribution format).
"""

from __future__ import annotations

import re

from envguard.inventory.files import Reader, shown

_CAP_BYTES = 16 * 1024
_TAG = re.compile(rb"^(Tag|Build):[ \t]*([!-~]+)", re.IGNORECASE | re.MULTILINE)


def read_build(reader: Reader, path: str) -> str | None:
    """Answer the build that a ``WHEEL`` file tells, such as ``cp311-cp311-manylinux2014_x86_64``.

    None where there is none to tell. Raises OSError where the file cannot be read.
    """
    return parse_build(reader.read_head(path, cap_bytes=_CAP_BYTES))


def parse_build(content: bytes) -> str | None:
    """Answer the build that the text of a ``WHEEL`` file tells."""
    if 0 < content.count(b"\nTag: ") == content.count(b"-none-any\n") and b"uild:" not in content:
        return None  # as nearly all are
    found = [(match[1].lower(), match[2].decode("ascii")) for match in _TAG.finditer(content)]
    tags = [value for key, value in found if key == b"tag"]
    number = next((value for key, value in found if key == b"build"), None)
    tag = None if all(tag.endswith("-none-any") for tag in tags) else _compressed(tags)
    return "-".join(filter(None, [number, tag])) or None


def _compressed(tags: list[str]) -> str:
    parts = [tag.split("-") for tag in tags]
    if any(len(each) != 3 for each in parts):
        return shown(".".join(sorted(set(tags))))
    return "-".join(
        ".".join(sorted({part for one in each for part in one.split(".")}))
        for each in zip(*parts, strict=True)
    )
