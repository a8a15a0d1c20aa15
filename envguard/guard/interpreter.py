"""This interpreter: its version, its environment's folder, its clock, and where it looks for packages."""

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List, Set

SITES = ("site-packages", "dist-packages")
"""What folders for packages are called."""
ticks = getattr(time, "monotonic", time.time)  # type: Callable[[], float]
"""Seconds that no setting of the clock moves, but in Python 2."""


def python_version():
    # type: () -> str
    """This interpreter's version: pyvenv.cfg keeps the one of the day on which it was written."""
    info = sys.version_info
    suffix = {"alpha": "a", "beta": "b", "candidate": "rc"}.get(info[3])
    return "%d.%d.%d" % info[:3] + ("%s%d" % (suffix, info[4]) if suffix else "")


def implementation():
    # type: () -> str
    """Whose Python this is, as ``sys.implementation`` names it, which Python 2 has not."""
    if "__pypy__" in sys.builtin_module_names:
        return "pypy"
    return str(getattr(getattr(sys, "implementation", None), "name", "cpython"))


def is_free_threaded():
    # type: () -> bool
    """Whether it was built without the GIL."""
    return "t" in getattr(sys, "abiflags", "")


def recorded_prefixes():
    # type: () -> List[str]
    """This environment's folder, as it is recorded: the real one, and as Python has it."""
    real = os.path.realpath(sys.prefix)
    return [real] if real == sys.prefix else [real, sys.prefix]


def search_path():
    # type: () -> List[str]
    """The folders in which an import looks now, in their order, each once."""
    try:
        here = os.getcwd()
    except OSError:
        here = ""
    folders = []  # type: List[str]
    entries = list(sys.path)  # type: List[Any]
    for entry in entries:
        if not isinstance(entry, str):
            continue
        folder = os.path.normpath(os.path.join(here, entry))
        if (here or os.path.isabs(entry)) and folder not in folders:
            folders.append(folder)
    return folders


def library_folders():
    # type: () -> Set[str]
    """The folders of the standard library: what lies there takes no package's place."""
    module = os.path.abspath(os.__file__[:-1] if os.__file__.endswith(".pyc") else os.__file__)
    return {os.path.dirname(module), os.path.dirname(os.path.realpath(module))}


def is_library(folder, library):
    # type: (str, Set[str]) -> bool
    """Whether a folder is of the standard library."""
    return folder in library or (os.path.dirname(folder) in library and os.path.basename(folder) not in SITES)


def is_site(folder):
    # type: (str) -> bool
    """Whether a folder is one of this interpreter's own for packages."""
    if os.path.basename(folder) not in SITES:
        return False
    if folder == getattr(sys.modules.get("site"), "USER_SITE", None):
        return True
    prefixes = [sys.prefix, sys.exec_prefix, getattr(sys, "base_prefix", ""), getattr(sys, "real_prefix", "")]
    return any(folder.startswith(prefix.rstrip(os.sep) + os.sep) for prefix in prefixes if prefix)
