"""Which Python an executable is, told by its name or its bytes, never by running it.

Rules
1. The real file's name tells (``python3.11``, ``python3.13t``, ``pypy3.9``); installers keep such names.
2. A name that tells nothing (``python`` of an environment made with copies): the file's bytes name the shared
   library that it loads, or hold the version of one candidate.
3. A whole version in the bytes counts only if it begins with the minor version that is already known.
"""

from __future__ import annotations

import mmap
import os
import re
from typing import TYPE_CHECKING, Literal

import msgspec

from envguard.inventory.files import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME = re.compile(r"(python|pypy)(\d\.\d+)(t?)[dm]*(?:\.exe)?")
_LOADED = re.compile(rb"libpython(\d\.\d+)(t?)[dmu]*\.(?:so|dylib)")
_SCAN_CAP_BYTES = 256 * 1024 * 1024


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
    with_bytes = _Bytes(reader, executable)
    loaded = with_bytes.search(_LOADED)
    if loaded is not None:
        return Build("CPython", loaded[1].decode(), loaded[2] == b"t")
    for minor in dict.fromkeys(candidates):
        if with_bytes.search(_whole(minor)):
            return Build("CPython", minor)
    return None


def version_inside(reader: Reader, executables: Iterable[str], minor: str) -> str | None:
    """Answer the whole version of this minor one that the bytes of an executable or library hold."""
    for executable in executables:
        match = _Bytes(reader, executable).search(_whole(minor))
        if match is not None:
            return match[1].decode()
    return None


def is_script(reader: Reader, path: str) -> bool:
    """Whether the file is a script, such as one of pyenv's shims; an unreadable file is none."""
    try:
        return reader.read_head(path, cap_bytes=2) == b"#!"
    except OSError:
        return False


class _Bytes(msgspec.Struct, frozen=True):
    reader: Reader
    path: str

    def search(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        try:
            descriptor = self.reader.open(self.path)
        except OSError:
            return None
        try:
            size = min(os.fstat(descriptor).st_size, _SCAN_CAP_BYTES)
            return pattern.search(mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)) if size else None
        except (OSError, ValueError):
            return None
        finally:
            os.close(descriptor)


def _whole(minor: str) -> re.Pattern[bytes]:
    return re.compile(rb"\0(" + re.escape(minor).encode() + rb"\.\d{1,2}(?:(?:a|b|rc)\d+)?\+?)\0")
