"""What an interpreter is: version, ABI, platform and PEP 508's markers, from files alone.

Rules
1. The version is the base's: its ``patchlevel.h``, else conda's record, else dpkg's, else the bytes of the
   executable or of its library, and only then what ``pyvenv.cfg`` kept from its creation.
2. Markers are what the interpreter itself would answer: Python 2 has no ``sys.implementation`` and calls
   Linux ``linux2``.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.environment import Interpreter
from envguard.inventory.conda_records import pythons_in
from envguard.inventory.executable import Build, pypy_inside, version_inside
from envguard.inventory.files import Reader, reader_for

if TYPE_CHECKING:
    from envguard.inventory.layout import Layout

_HEADER = "patchlevel.h"
_HEADER_CAP_BYTES = 64 * 1024
_DPKG_CAP_BYTES = 64 * 1024 * 1024
_CONFIG_CAP_BYTES = 1024 * 1024
_DPKG_STATUS = "/var/lib/dpkg/status"
_DEFINED = rb'(?m)^#\s*define\s+(PY_VERSION|PYPY_VERSION)\s+"([0-9A-Za-z.+]{1,40})"'
_UPSTREAM = r"(?:\d+:)?(\d+\.\d+\.\d+)(?:~((?:a|b|rc)\d+))?"


class _Versions(msgspec.Struct, frozen=True):
    language: str
    pypy: str | None = None


def interpreter_of(layout: Layout) -> Interpreter:
    """Answer the facts of the layout's interpreter."""
    build = layout.build
    if build is None:
        version = (layout.config.version if layout.config else None) or "unknown"
        build = Build("CPython", ".".join(version.split(".")[:2]))
        return _described(layout, build, _Versions(version))
    versions = _versions_of_base(layout, build)
    if versions is None:
        versions = _Versions(_told_version(layout, build) or build.minor)
    return _described(layout, build, versions)


def _told_version(layout: Layout, build: Build) -> str | None:
    """What the environment's own maker wrote down, so far as it is of this Python."""
    if layout.config is None:
        return _from_conda(reader_for(layout.prefix), layout.prefix, build)
    told = layout.config.version
    is_of_it = told is not None and told.startswith(f"{build.minor}.") and build.implementation == "CPython"
    return told if is_of_it else None


def _described(layout: Layout, build: Build, versions: _Versions) -> Interpreter:
    markers = _markers(layout, build, versions)
    return Interpreter(
        implementation=build.implementation,
        version=versions.language,
        abi=_abi(layout, build, versions),
        platform=f"{markers['sys_platform']}-{markers['platform_machine']}",
        free_threaded=build.free_threaded,
        markers=markers,
    )


def _versions_of_base(layout: Layout, build: Build) -> _Versions | None:
    if layout.base is None:
        return None
    reader = reader_for(layout.base)
    versions = _from_header(reader, layout.base, build)
    if versions is not None:
        return versions
    if build.implementation == "PyPy":
        spoken = pypy_inside(reader, _pypy_binaries(layout), build.minor)
        return _Versions(*spoken) if spoken else None
    language = (
        _from_conda(reader, layout.base, build)
        or _from_dpkg(layout.base, build)
        or version_inside(reader, _binaries(layout, build), build.minor)
    )
    return _Versions(language) if language else None


def _binaries(layout: Layout, build: Build) -> list[str]:
    library = os.path.join(layout.base or "", "lib")
    suffixes = ("m.so.1.0", ".so.1.0", ".so.1", ".dylib")
    names = [f"lib{build.library}{suffix}" for suffix in suffixes]
    return [layout.real_python, *(os.path.join(library, name) for name in names)]


def _pypy_binaries(layout: Layout) -> list[str]:
    """PyPy is in a library beside the executable, or where the system keeps libraries."""
    library = os.path.join(layout.base or "", "lib")
    folders = [os.path.dirname(layout.real_python), library, f"{library}/{os.uname().machine}-linux-gnu"]
    names = [f"lib{layout.library}-c.so", "libpypy3-c.so", "libpypy-c.so", f"lib{layout.library}-c.dylib"]
    return [layout.real_python, *(os.path.join(folder, name) for folder in folders for name in names)]


def _from_header(reader: Reader, base: str, build: Build) -> _Versions | None:
    for folder in _include_folders(base, build):
        try:
            content = reader.read_head(os.path.join(folder, _HEADER), cap_bytes=_HEADER_CAP_BYTES)
        except OSError:
            continue
        found = {match[1]: match[2].decode() for match in re.finditer(_DEFINED, content)}
        language = found.get(b"PY_VERSION", "")
        if language.startswith(f"{build.minor}."):
            return _Versions(language, found.get(b"PYPY_VERSION", "").rstrip("+") or None)
    return None


def header_places(layout: Layout) -> list[str]:
    """Answer where the base's own version is written, so far as it is in a header."""
    if layout.base is None or layout.build is None:
        return []
    return [os.path.join(folder, _HEADER) for folder in _include_folders(layout.base, layout.build)]


def _include_folders(base: str, build: Build) -> list[str]:
    names = [build.library, f"{build.library}m", f"{build.library}d", f"{build.library}dm"]
    return [os.path.join(base, "include", name) for name in names] + [os.path.join(base, "include")]


def _from_conda(reader: Reader, base: str, build: Build) -> str | None:
    try:
        recorded = pythons_in(reader, base)
    except OSError:
        return None
    return next((python.version for python in recorded if python.minor == build.minor), None)


def _from_dpkg(base: str, build: Build) -> str | None:
    if base != "/usr":
        return None
    try:
        status = Reader(0).read_head(_DPKG_STATUS, cap_bytes=_DPKG_CAP_BYTES)
    except OSError:
        return None
    return version_in_dpkg(status, f"python{build.minor}-minimal", build.minor)


def version_in_dpkg(status: bytes, package: str, minor: str) -> str | None:
    """Answer the upstream version of an installed Debian package, if it is of this minor version."""
    start = f"\n{status.decode('utf-8', 'replace')}".partition(f"\nPackage: {package}\n")[2]
    stanza = "\n" + start.partition("\n\n")[0]
    is_installed = "\nStatus: install ok installed" in stanza
    match = re.search(r"^Version: (\S+)$", stanza, re.MULTILINE)
    upstream = re.match(_UPSTREAM, match[1]) if match and is_installed else None
    if upstream is None or not upstream[1].startswith(f"{minor}."):
        return None
    return upstream[1] + (upstream[2] or "")


def _markers(layout: Layout, build: Build, versions: _Versions) -> dict[str, str]:
    is_two = build.minor.startswith("2.")
    is_windows = layout.python.endswith(".exe")
    machine = os.uname() if hasattr(os, "uname") else None
    implementation = versions.pypy if build.implementation == "PyPy" else versions.language
    return {
        "implementation_name": "" if is_two else build.implementation.lower(),
        "implementation_version": "0" if is_two else (implementation or versions.language).rstrip("+"),
        "os_name": "nt" if is_windows else "posix",
        "platform_machine": machine.machine if machine else os.environ.get("PROCESSOR_ARCHITECTURE", ""),
        "platform_python_implementation": build.implementation,
        "platform_system": "Windows" if is_windows else (machine.sysname if machine else ""),
        "python_full_version": versions.language,
        "python_version": build.minor,
        "sys_platform": _sys_platform(is_two=is_two, is_windows=is_windows),
    }


def _sys_platform(*, is_two: bool, is_windows: bool) -> str:
    if is_windows:
        return "win32"
    return "linux2" if is_two and sys.platform == "linux" else sys.platform


def _abi(layout: Layout, build: Build, versions: _Versions) -> str:
    digits = build.minor.replace(".", "")
    if build.implementation == "PyPy":
        pypy = "".join((versions.pypy or "").split(".")[:2])
        return f"pypy{digits}_pp{pypy}" if pypy else f"pypy{digits}"
    return f"cp{digits}{_flags(layout, build)}"


def _flags(layout: Layout, build: Build) -> str:
    """The letters behind the version: threading; before 3.8 debugging, allocator, Unicode width."""
    if build.free_threaded:
        return "t"
    number = tuple(int(part) for part in build.minor.split(".")) if build.minor[0].isdigit() else (0,)
    if number >= (3, 8) or number == (0,):
        return ""
    return _flags_of_two(layout, build) if number < (3,) else _flags_of_three(layout, build)


def _flags_of_two(layout: Layout, build: Build) -> str:
    config = os.path.join(layout.base or "", "include", build.library, "pyconfig.h")
    try:
        content = reader_for(layout.base or "").read_head(config, cap_bytes=_CONFIG_CAP_BYTES)
    except OSError:
        return "mu" if sys.platform.startswith("linux") else "m"
    allocator = "m" if re.search(rb"^#define WITH_PYMALLOC 1", content, re.MULTILINE) else ""
    return allocator + ("u" if re.search(rb"^#define Py_UNICODE_SIZE 4", content, re.MULTILINE) else "")


def _flags_of_three(layout: Layout, build: Build) -> str:
    for flags in ("m", "dm", "d"):
        if os.path.isdir(os.path.join(layout.base or "", "include", build.library + flags)):
            return flags
    return "m"
