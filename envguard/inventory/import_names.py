"""The names by which installed distributions are imported, and the files that answer to such a name.

Rules
1. A distribution has the names of its ``top_level.txt``; else the first parts of what its RECORD lists; else
   its own name.
2. Names that any project has a folder of (``tests``, ``docs``) are nobody's, save a distribution's own.
3. A name in a folder is, in this order: a folder with an ``__init__``, a file. Both are an extension module
   made for this interpreter, source, or bytecode (``importlib.machinery.EXTENSION_SUFFIXES`` and the others).
   Python 2 takes no extension module for an ``__init__``.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from envguard.inventory.distributions import normalised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from envguard.domain.environment import Interpreter
    from envguard.inventory.search_path import Folder

_TOP_LEVEL_CAP_BYTES = 64 * 1024
_EVERYBODYS = frozenset(
    {
        "benchmarks",
        "conftest",
        "doc",
        "docs",
        "example",
        "examples",
        "scripts",
        "setup",
        "test",
        "testing",
        "tests",
    }
)
_MODULE = r"([^/.]+)(?:\.py|\..*so|\.pyd)"
_METADATA = r"(?i)([^-]+)(?:-.*)?\.(?:dist|egg)-info"
_ARCHITECTURES = {"i686": "i386", "armv7l": "arm", "ppc64le": "powerpc64le"}
"""The names of machines in the suffixes of extension modules, where ``uname`` has another."""


def stem_of(name: str) -> str:
    """Answer the import name that a file or folder of this name would answer to."""
    return name.partition(".")[0]


def names_by_package(folders: Iterable[Folder], packages: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield (normalised package name, import name) of the packages whose metadata lies in these folders."""
    for folder in folders:
        for entry in folder.names or ():
            package = _package_of(folder, entry)
            if package in packages:
                own = package.replace("-", "_")
                for name in _told_by(folder, entry) or {own}:
                    if name.lower() == own or name not in _EVERYBODYS:
                        yield package, name


def module_in(folder: str, stem: str, names: frozenset[str], interpreter: Interpreter) -> str | None:
    """Answer the file that ``import STEM`` takes from a folder that holds these names; None if none.

    A folder without ``__init__`` is none: it is but a portion of a namespace.
    """
    package = os.path.join(folder, stem)
    if stem in names and os.path.isdir(package):
        inside = _file(package, "__init__", names_in(package), interpreter)
        if inside is not None:
            return inside
    return _file(folder, stem, names, interpreter)


def names_in(folder: str) -> frozenset[str]:
    """Answer what a folder holds; nothing where it cannot be listed."""
    try:
        return frozenset(os.listdir(folder))
    except OSError:
        return frozenset()


def _file(folder: str, stem: str, names: frozenset[str], interpreter: Interpreter) -> str | None:
    tagged = _tagged(stem, interpreter)
    suffixes = _suffixes(stem, interpreter)
    candidates = [*sorted(filter(tagged.fullmatch, names)), *(stem + suffix for suffix in suffixes)]
    paths = (os.path.join(folder, name) for name in candidates if name in names)
    return next(filter(os.path.isfile, paths), None)


def _tagged(stem: str, interpreter: Interpreter) -> re.Pattern[str]:
    """Extension modules of exactly this interpreter, such as ``gym.cpython-311-x86_64-linux-gnu.so``."""
    abi = re.sub(r"^cp", "cpython-", interpreter.abi).replace("_", "-")
    system, _, machine = interpreter.platform.partition("-")
    place = "darwin" if system == "darwin" else rf"{_ARCHITECTURES.get(machine, machine)}-linux-\w+"
    return re.compile(rf"{re.escape(stem)}\.{re.escape(abi)}-{place}\.so")


def _suffixes(stem: str, interpreter: Interpreter) -> tuple[str, ...]:
    if interpreter.version.startswith("2."):
        return (".py", ".pyc") if stem == "__init__" else (".so", "module.so", ".py", ".pyc")
    has_stable_abi = interpreter.implementation == "CPython" and not interpreter.free_threaded
    return (*((".abi3.so",) if has_stable_abi else ()), ".so", ".py", ".pyc")


def _package_of(folder: Folder, entry: str) -> str:
    match = re.fullmatch(
        _METADATA, os.path.basename(folder.path)[:-4] + ".egg-info" if entry == "EGG-INFO" else entry
    )
    return normalised(match[1]) if match else ""


def _told_by(folder: Folder, entry: str) -> set[str]:
    """The import names that the metadata tells; empty where it tells none."""
    place = os.path.join(folder.path, entry)
    try:
        content = folder.reader.read(os.path.join(place, "top_level.txt"), cap_bytes=_TOP_LEVEL_CAP_BYTES)
        return set(filter(str.isidentifier, content.decode("utf-8", "replace").split()))
    except OSError:
        pass
    from envguard.inventory.record_file import RecordError, read_record

    try:
        rows = read_record(folder.reader, os.path.join(place, "RECORD"))
        return set(filter(str.isidentifier, map(_first_part, (row.place for row in rows))))
    except (OSError, RecordError):
        return set()


def _first_part(place: str) -> str:
    """The import name of a row, or what is no identifier."""
    first, slash, _ = place.partition("/")
    if slash:
        return first
    match = re.fullmatch(_MODULE, place)
    return match[1] if match else ""
