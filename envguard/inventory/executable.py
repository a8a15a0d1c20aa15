"""Which Python an executable is, told by its name or its bytes, never by running it.

Rules
1. The real file's name tells (``python3.11``, ``python3.13t``, ``pypy3.9``); installers keep such names.
2. A name that tells nothing (``python`` of an environment made with copies): the file's bytes name the shared
   library that it loads, or hold the version of one candidate.
3. A whole version in the bytes counts only if it begins with the minor version that is already known. PyPy's
   are where ``sys.version`` has them.
4. The bytes are read piece by piece and never mapped: a mapped file that its owner cuts short kills who reads
   it.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Literal

import msgspec

from envguard.inventory.files import Reader, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import FileIO

_NAME = re.compile(r"(python|pypy)(\d\.\d+)(t?)[dm]*(?:\.exe)?")
_LOADED = re.compile(
    rb"lib(?P<family>python|pypy)(?P<loaded>\d\.\d{1,3})(?P<t>t?)(?:[dmu]{0,3}|-c)\.(?:so|dylib)"
)
_SCAN_CAP_BYTES = 128 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
_OVERLAP_BYTES = 512
"""Longer than whatever is looked for, so that it is found across two pieces."""
_CANDIDATES_CAP = 100
_SCRIPT = b"#!"
_PROGRAMS = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"MZ")
"""How executables and libraries begin on Linux, macOS (one machine's, several machines') and Windows."""


class Build(msgspec.Struct, frozen=True):
    """A Python as its executable tells it."""

    implementation: Literal["CPython", "PyPy"]
    minor: str
    """Such as ``3.11``."""
    free_threaded: bool = False

    @property
    def library(self) -> str:
        """The name of its folder below ``lib``."""
        family = "pypy" if self.implementation == "PyPy" else "python"
        return f"{family}{self.minor}{'t' if self.free_threaded else ''}"


def build_named(name: str) -> Build | None:
    """Answer the build that a file or folder name such as ``python3.13t`` tells; None if it tells none."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    return Build("PyPy" if match[1] == "pypy" else "CPython", match[2], match[3] == "t")


def build_inside(reader: Reader, executable: str, candidates: Iterable[str]) -> Build | None:
    """Answer the build that the executable's bytes tell; ``candidates`` are minor versions to look for."""
    minors = list(dict.fromkeys(candidates))[:_CANDIDATES_CAP]
    held: set[str] = set()
    for match in _matches(reader, executable, _LOADED, _whole(minors)):
        if match.re is _LOADED:
            family: Literal["CPython", "PyPy"] = "PyPy" if match["family"] == b"pypy" else "CPython"
            return Build(family, match["loaded"].decode(), match["t"] == b"t")
        held.add(match["minor"].decode())
    return next((Build("CPython", minor) for minor in minors if minor in held), None)


def version_inside(reader: Reader, executables: Iterable[str], minor: str) -> str | None:
    """Answer the whole version of this minor one that the bytes of an executable or library hold."""
    for executable in executables:
        for match in _matches(reader, executable, _whole([minor])):
            return match["version"].decode()
    return None


def pypy_inside(reader: Reader, executables: Iterable[str], minor: str) -> tuple[str, str] | None:
    """Answer the whole version of this minor one, and PyPy's own, that an executable or library holds."""
    spoken = re.compile(
        rb"(?P<language>" + re.escape(minor).encode() + rb"\.\d{1,2}(?:(?:a|b|rc)\d{1,3})?)\+? "
        rb"\([^()\n]{1,200}\)\n\[PyPy (?P<pypy>\d{1,3}\.\d{1,3}\.\d{1,3})"
    )
    for executable in executables:
        for match in _matches(reader, executable, spoken):
            return match["language"].decode(), match["pypy"].decode()
    return None


def is_script(reader: Reader, path: str) -> bool:
    """Whether the file is a script, such as one of pyenv's shims; an unreadable file is none."""
    try:
        return reader.read_head(path, cap_bytes=2) == _SCRIPT
    except OSError:
        return False


def fault_of(reader: Reader, path: str) -> str | None:
    """Answer why what is there is no program; None where it is one, or may only be run and not read."""
    try:
        beginning = reader.read_head(path, cap_bytes=4)
    except PermissionError as error:
        return None if _may_be_run(path) else f"is no program: {reason_of(error)}"
    except OSError as error:
        return f"is no program: {reason_of(error)}"
    if beginning.startswith(_SCRIPT):
        return "is a script: it may run any Python"
    return None if beginning.startswith(_PROGRAMS) else "is no program"


def _may_be_run(path: str) -> bool:
    """Whether anybody may run it, who need not be one who may read it."""
    try:
        return bool(os.stat(path).st_mode & 0o111)
    except OSError:
        return True


def _matches(reader: Reader, path: str, *patterns: re.Pattern[bytes]) -> Iterator[re.Match[bytes]]:
    """What a program's bytes hold, one across two pieces perhaps twice; nothing where it cannot be read."""
    try:
        descriptor = reader.open(path)
    except OSError:
        return
    before = b""
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if not _piece(file, 4).startswith(_PROGRAMS):
            return
        for _ in range(_SCAN_CAP_BYTES // _PIECE_BYTES):
            piece = _piece(file, _PIECE_BYTES)
            for pattern in patterns:
                yield from pattern.finditer(before + piece)
            if not piece:
                return
            before = piece[-_OVERLAP_BYTES:]


def _piece(file: FileIO, size_bytes: int) -> bytes:
    """Nothing where it cannot be read: some of the kernel's files open, then refuse, or wait."""
    try:
        return file.read(size_bytes) or b""
    except OSError:
        return b""


def _whole(minors: Iterable[str]) -> re.Pattern[bytes]:
    """Of these minor versions, a whole one between two NULs."""
    minor = b"|".join(re.escape(one).encode() for one in minors) or rb"(?!)"
    return re.compile(rb"\0(?P<version>(?P<minor>" + minor + rb")\.\d{1,2}(?:(?:a|b|rc)\d{1,3})?\+?)(?=\0)")
