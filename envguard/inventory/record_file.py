"""What an installer wrote down of the files that it installed: a distribution's RECORD.

Rules ("Recording installed projects", after PEP 376 and PEP 427)
1. CSV: path, ``ALGORITHM=DIGEST`` in URL-safe base64 without padding, size. Bytecode is left out: anybody's
   interpreter may write it anew.
2. Each algorithm that every Python has counts, save those of fixed length below 256 bits, which the standard
   excludes. A hash of another kind, or one that cannot be a digest of its own, leaves its row ``Unclear``.
3. A row without a hash is legal: RECORD itself and its signatures have none, nor has what virtualenv makes
   beside a package (its scripts, INSTALLER, folders of bytecode). Only code without one is ``Unclear``.
4. A line of fewer than three fields is no row, and ``Unclear`` unless it has a hash.
5. A RECORD none of whose rows has a hash that counts tells of no package: it is an error.
6. Scripts are recorded as they were rewritten, so they count as any file.
7. A size that is no number is not known; the hash still counts.
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

_DIGEST_BYTES = {
    "sha256": 32,
    "sha384": 48,
    "sha512": 64,
    "sha3_256": 32,
    "sha3_384": 48,
    "sha3_512": 64,
    "blake2s": 32,
    "blake2b": 64,
}
_SIZE = re.compile(r"[0-9]{1,18}")
_BYTECODE = (".pyc", ".pyo")
_CODE = (".py", ".pth", ".so", ".pyd", ".dll", ".dylib")
_STANDARD_TO_URL_SAFE = str.maketrans("+/", "-_")


class RecordError(Exception):
    """A RECORD that is not CSV, or has no row that can be checked."""


class Row(msgspec.Struct, frozen=True):
    """One file of which the content is recorded."""

    place: str
    """As it is written, relative to the folder that holds the ``dist-info``; other bytes are surrogates."""
    algorithm: str
    digest: bytes
    size_bytes: int | None


class Unclear(msgspec.Struct, frozen=True):
    """A row by which nobody can tell whether a file is as it was installed."""

    place: str
    """As for a :class:`Row`; it may be anything."""
    has_hash: bool
    """Whether something stands where the hash should."""


def read_record(reader: Reader, path: str) -> Iterator[Row | Unclear]:
    """Yield the rows that can be checked, and those that should be and cannot, read as they are asked for.

    Raises OSError where the file cannot be read or is too long, RecordError at the end of one that tells
    nothing (rule 5), or where it is not CSV.
    """
    descriptor = reader.open(path)
    with os.fdopen(descriptor, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        if os.fstat(descriptor).st_size > CAP_BYTES:
            raise OSError(errno.EFBIG, f"longer than {CAP_BYTES} bytes", path)
        yield from parse_record(file)


def parse_record(lines: Iterable[str]) -> Iterator[Row | Unclear]:
    """Yield what :func:`read_record` does of a RECORD's lines."""
    has_rows = False
    try:
        for fields in csv.reader(lines):
            if not fields or fields[0].lower().endswith(_BYTECODE):
                continue
            place, hashed, *size = fields if len(fields) > 1 else (fields[0], "")
            row = _row(place, hashed, size)
            if row is not None:
                has_rows = has_rows or isinstance(row, Row)
                yield row
    except csv.Error as error:
        raise RecordError(str(error)) from error
    if not has_rows:
        raise RecordError("no file's hash")


def _row(place: str, hashed: str, size: list[str]) -> Row | Unclear | None:
    """What a row tells; None where it need not tell anything."""
    if not hashed:
        is_legal = size and place and not place.lower().endswith(_CODE)
        return None if is_legal else Unclear(place, has_hash=False)
    algorithm, _, encoded = hashed.strip().partition("=")
    algorithm = algorithm.lower()
    digest = _digest(encoded, _DIGEST_BYTES.get(algorithm, 0))
    if digest is None or not place or "\0" in place:
        return Unclear(place, has_hash=True)
    return Row(place, algorithm, digest, int(size[0]) if size and _SIZE.fullmatch(size[0]) else None)


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
