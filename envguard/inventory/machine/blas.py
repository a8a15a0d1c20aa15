"""Which linear algebra library (BLAS) numbers are computed with, told by the names of files.

Rules
1. A machine's is the ``libblas.so.3`` that the loader finds first, followed through the system's alternatives
   to the library that answers to it; without one, the implementation that is there.
2. An environment's is what its numpy loads: what its wheel brought; else the machine's where numpy is the
   system's own; else what lies in the ``lib`` beside it (conda); else what numpy's build wrote down.
3. An environment without numpy costs a look at names that are already known.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from envguard.inventory.files import Reader, is_below, reader_for
from envguard.inventory.machine.files import MachineFiles, word_of
from envguard.inventory.machine.loader import library_folders

if TYPE_CHECKING:
    from envguard.inventory.layout import Layout
    from envguard.inventory.search_path import Folder

_FAMILIES = ("openblas", "mkl", "blis", "atlas", "flexiblas", "accelerate")
_LIBRARIES = (
    *("libblas.so.3", "libopenblas.so.0", "libopenblas.so.3", "libmkl_rt.so.2", "libmkl_rt.so"),
    *("libblis.so.4", "libflexiblas.so.3"),
)
"""What programs ask the loader for: the standard's own name first, then the implementations'."""
_LIBRARIES_OF_CONDA = (*_LIBRARIES, "libblas.3.dylib", "libopenblas.0.dylib", "libmkl_rt.2.dylib")
_OPENBLAS = (
    r"lib(?:scipy_)?openblas[\w-]*?-?r([0-9]+)(?:-[0-9a-f]{8})?((?:\.[0-9]+)+(?:\.dev[0-9]*)?)\.(?:so|dylib)"
)
_NUMBERED = r"lib(?:blas|atlas|openblas)\.so\.([0-9]+(?:\.[0-9]+){1,3})"
_DPKG_CAP_BYTES = 64 * 1024 * 1024
_DPKG_NAMES = {"mkl": rb"libmkl-rt", "blis": rb"libblis[0-9]+-\w+", "openblas": rb"libopenblas0-\w+"}
_UPSTREAM = r"(?:[0-9]+:)?([0-9]+(?:\.[0-9]+)*)"
_CONFIG_CAP_BYTES = 64 * 1024
_BUILD = r'"blas": \{\s*"name": "([\w.+-]+)",\s*(?:"found": [^\n]*\n\s*)?(?:"version": "([0-9][\w.+-]*)")?'
_OF_THE_SYSTEM = ("/usr/lib/", "/usr/lib64/")
_BUNDLES = ("numpy.libs", "numpy/.libs", "numpy/.dylibs")


def machine_blas(files: MachineFiles, architecture: str) -> str | None:
    """Answer such as ``openblas 0.3.21``; None where the loader would find none."""
    folders = library_folders(files, architecture)
    paths = (f"{folder}/{name}" for name in _LIBRARIES for folder in folders)
    found = next(filter(None, map(files.places, paths)), None)
    return _named(files, found) if found is not None else None


def environment_blas(layout: Layout, folders: Iterable[Folder], root: str = "/") -> str | None:
    """Answer the library that numpy would load here, and where from; None without numpy, or where unknown.

    ``folders`` are those of the search path, in its order; ``root`` is the folder that stands for ``/``.
    """
    site = next((folder for folder in folders if folder.names and "numpy" in folder.names), None)
    if site is None:
        return None
    bundled = _bundled(site)
    if bundled is not None:
        return bundled
    if _is_of_the_system(layout, site):
        own = machine_blas(MachineFiles(root), os.uname().machine)
        return f"{own} (system)" if own else None
    prefixes = [prefix for prefix in (layout.prefix, layout.base) if prefix and is_below(site.path, prefix)]
    return next(filter(None, map(_beside, prefixes)), None) or _built_with(site)


def family_of(path: str) -> str | None:
    """Answer the implementation that a library is, by its name and its folder's; None where they say none."""
    folder, name = os.path.split(path)
    told = f"{os.path.basename(folder)}/{name}".lower()
    return next((family for family in _FAMILIES if family in told), None)


def version_in(name: str) -> str | None:
    """Answer the version in a library's file name.

    OpenBLAS has it after ``-r`` (``libopenblasp-r0.3.21.so``), where wheels put a hash into it
    (``libopenblasp-r0-09e95953.3.13.so``); others at the end (``libblas.so.3.11.0``).
    """
    match = re.fullmatch(_OPENBLAS, name)
    if match:
        return match[1] + match[2]
    numbered = re.fullmatch(_NUMBERED, name)
    return numbered[1] if numbered else None


def _is_of_the_system(layout: Layout, site: Folder) -> bool:
    """Whether the distribution put numpy there, and so linked it with the loader's library."""
    is_own = layout.config is not None and is_below(site.path, layout.prefix)
    return site.kind == "debian" or (site.path.startswith(_OF_THE_SYSTEM) and not is_own)


def _named(files: MachineFiles, places: list[str]) -> str:
    family = next((found for place in reversed(places) if (found := family_of(place))), None)
    folder, name = os.path.split(places[-1])
    version = version_in(name) or _neighbours_version(files.names(folder), family)
    if version is None and family in _DPKG_NAMES:
        version = _dpkg_version(files, _DPKG_NAMES[family])
    return " ".join(filter(None, [family or "reference", version]))


def _neighbours_version(names: list[str], family: str | None) -> str | None:
    """Debian's OpenBLAS answers by a file without a version, which lies beside the one that has it."""
    if family != "openblas":
        return None
    return next((version for name in names if "openblas" in name and (version := version_in(name))), None)


def _dpkg_version(files: MachineFiles, package: bytes) -> str | None:
    status = files.head("/var/lib/dpkg/status", cap_bytes=_DPKG_CAP_BYTES)
    pattern = (
        rb"^Package: %s\nStatus: install ok installed\n(?:[^\n]+\n)*?Version: ([^\n]{1,100})\n" % package
    )
    match = re.search(pattern, status, re.MULTILINE)
    upstream = re.match(_UPSTREAM, match[1].decode("ascii", "replace")) if match else None
    return upstream[1] if upstream else None


def _bundled(site: Folder) -> str | None:
    for bundle in _BUNDLES:
        if bundle == "numpy.libs" and bundle not in (site.names or ()):
            continue
        names = [name for name in _names(site.reader, os.path.join(site.path, bundle)) if family_of(name)]
        if names:
            version = version_in(names[0]) or _build_of(site)[1]
            return f"{_words(family_of(names[0]), version)} ({bundle})"
    return None


def _beside(prefix: str) -> str | None:
    """What lies in the ``lib`` of a prefix, as conda (and Intel's wheels) put it."""
    folder = os.path.join(prefix, "lib")
    paths = (os.path.join(folder, name) for name in _LIBRARIES_OF_CONDA)
    found = next(filter(os.path.exists, paths), None)
    if found is None:
        return None
    name = os.path.basename(os.path.realpath(found))
    family = family_of(name) or "reference"
    version = version_in(name) or _conda_version(prefix, family)
    return f"{_words(family, version)} (lib)"


def _conda_version(prefix: str, family: str) -> str | None:
    record = re.compile(rf"(?:lib)?{family}-([0-9][\w.]*)-[^-]+\.json")
    names = _names(reader_for(prefix), os.path.join(prefix, "conda-meta"))
    return next((match[1] for name in names if (match := record.fullmatch(name))), None)


def _built_with(site: Folder) -> str | None:
    """What numpy was built with: it loads that from wherever the loader finds it."""
    name, version = _build_of(site)
    return f"{_words(name, version)} (built with)" if name else None


def _build_of(site: Folder) -> tuple[str | None, str | None]:
    """Name and version that numpy's build wrote into its ``__config__.py``, which is read as text."""
    path = os.path.join(site.path, "numpy", "__config__.py")
    try:
        content = site.reader.read_head(path, cap_bytes=_CONFIG_CAP_BYTES)
    except OSError:
        return None, None
    match = re.search(_BUILD, content.decode("utf-8", "replace"))
    if match is None:
        return None, None
    return family_of(match[1]) or word_of(match[1]), match[2]


def _words(family: str | None, version: str | None) -> str:
    return word_of(" ".join(filter(None, [family, version])))


def _names(reader: Reader, folder: str) -> list[str]:
    try:
        return reader.names(folder)
    except OSError:
        return []
