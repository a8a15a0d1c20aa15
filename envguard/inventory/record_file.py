"""What an installer wrote down of the files that it installed: a distribution's RECORD.

Rules ("Recording installed projects", after PEP 376 and PEP 427)
1. CSV: path, ``ALGORITHM=DIGEST`` in URL-safe base64 without padding, size. Rows without a hash say nothing
   of the content and are left out; so is bytecode, which anybody's interpreter may write anew.
2. sha256, sha384 and sha512 count. A hash in another algorithm, or one that cannot be a digest of its own,
   proves nothing and is left out.
3. Scripts are recorded as they were rewritten, so they count as any file.
4. A size that is no number is not known; the hash still counts.
"""

from __future__ import annotations

import base64
import binascii
import csv
import errno
import os
import re
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envguard.inventory.files import Reader

CAP_BYTES = 16 * 1024 * 1024
"""The largest that were seen have 3 MB."""

_DIGEST_BYTES = {"sha256": 32, "sha384": 48, "sha512": 64}
_SIZE = re.compile(r"[0-9]{1,18}")
_BYTECODE = (".pyc", ".pyo")
_STANDARD_TO_URL_SAFE = str.maketrans("+/", "-_")


class RecordError(Exception):
    """A RECORD that is not CSV."""


class Row(msgspec.Struct, frozen=True):
    """One file of which the content is recorded."""

    place: str
    """As it is written, relative to the folder that holds the ``dist-info``; other bytes are surrogates."""
    algorithm: str
    digest: bytes
    size_bytes: int | None


def read_record(reader: Reader, path: str) -> Iterator[Row]:
    """Yield the rows that can be checked, read as they are asked for.

    Raises OSError where the file cannot be read or is too long, RecordError where it is not CSV.
    """
    descriptor = reader.open(path)
    with os.fdopen(descriptor, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        if os.fstat(descriptor).st_size > CAP_BYTES:
            raise OSError(errno.EFBIG, f"longer than {CAP_BYTES} bytes", path)
        yield from parse_record(file)


def parse_record(lines: Iterable[str]) -> Iterator[Row]:
    """Yield the rows of a RECORD's lines that can be checked; RecordError where they are not CSV."""
    try:
        for fields in csv.reader(lines):
            if len(fields) > 1 and fields[1] and not fields[0].lower().endswith(_BYTECODE):
                yield from _checkable(fields[0], fields[1], fields[2] if len(fields) > 2 else "")
    except csv.Error as error:
        raise RecordError(str(error)) from error


def _checkable(place: str, hashed: str, size: str) -> Iterator[Row]:
    algorithm, _, encoded = hashed.strip().partition("=")
    algorithm = algorithm.lower()
    digest = _digest(encoded, _DIGEST_BYTES.get(algorithm, 0))
    if digest is not None and place and "\0" not in place:
        yield Row(place, algorithm, digest, int(size) if _SIZE.fullmatch(size) else None)


def _digest(encoded: str, length: int) -> bytes | None:
    """The digest itself, also where an old tool wrote hexadecimal; None where it cannot be one."""
    try:
        if length and len(encoded) == 2 * length:
            return bytes.fromhex(encoded)
        text = encoded.rstrip("=").translate(_STANDARD_TO_URL_SAFE)
        digest = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return None
    return digest if length and len(digest) == length else None
