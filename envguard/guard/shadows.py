"""What takes an installed package's import name.

A package is looked up by its metadata only where something does take a name.
"""

import os
import sys

from envguard.guard.files import HEAD_CAP, names_in, native, read_file, text_of
from envguard.guard.interpreter import is_library, is_site, library_folders
from envguard.guard.verdict import Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterable, Iterator, List, Optional, Sequence, Set, Tuple

    from envguard.guard.installed import Distribution

    Listed = Sequence[Tuple[str, Optional[List[str]]]]
    """Places on the path, each with what it holds; None where it cannot be listed, such as a zip file."""

_RECORD_CAP = 16 * 1024 * 1024
_BINARIES = (".so", ".pyd", ".pyc")
_STRAY = ("benchmarks", "docs", "example", "examples", "scripts", "test", "tests")
"""What badly built packages leave beside their own, and what nobody imports from there."""


def shadows_of(name, found, path):
    # type: (str, Sequence[Distribution], Listed) -> Iterator[Finding]
    """What is imported instead of a package that the call asks for."""
    library = library_folders()
    folders = [folder for folder, _ in path]
    for each in found:
        own, names = path[each.index]
        early = [entry for entry in path[: each.index] if not is_library(entry[0], library)]
        for module in _import_names(each, own, names or ()):
            later = (_found_in(folder, held, module) for folder, held in path[each.index :])
            place = _first_in(early, module)
            if place is not None and not _is_own(os.path.realpath(place), list(filter(None, later)), each):
                yield _shadow(name, module, place, "error")
                continue
            place = _loaded_from_elsewhere(module, folders)
            home = _home_of(each) if place is not None else None
            if place is not None and not (home and _lies_below(place, home)):
                yield _shadow(name, module, place, "error")


def _is_own(place, later, each):
    # type: (str, Sequence[str], Distribution) -> bool
    """Whether a file that is found early is the package's own, which is found later as well."""
    if later:
        return place in map(os.path.realpath, later)
    home = _home_of(each)  # an editable with its own finder: nothing on the path tells where it is
    return home is None or _lies_below(place, home)


def _lies_below(place, home):
    # type: (str, str) -> bool
    return os.path.realpath(place).startswith(os.path.join(os.path.realpath(home), ""))


def _loaded_from_elsewhere(module, folders):
    # type: (str, Sequence[str]) -> Optional[str]
    """The file of a module that was imported already, where no folder on the path holds it any more."""
    place = getattr(sys.modules.get(module), "__file__", None)
    if not isinstance(place, str) or not os.path.isabs(place):
        return None
    folder = os.path.dirname(place)
    if os.path.basename(place).partition(".")[0] == "__init__":
        folder = os.path.dirname(folder)
    if folder in folders:
        return None  # that is plain of nearly all: of hundreds of modules no file is looked up
    known = list(folders) + sorted(library_folders())
    if folder in known:  # mostly: to follow links takes a hundred times as long
        return None
    return None if os.path.realpath(folder) in map(os.path.realpath, known) else place


def _home_of(each):
    # type: (Distribution) -> Optional[str]
    """The folder from which an editable package is imported; None where that is not said."""
    import json
    import urllib

    unquote = getattr(urllib, "unquote", None)  # Python 2
    if unquote is None:
        from urllib import parse

        unquote = parse.unquote
    try:
        told = json.loads(text_of(read_file(os.path.join(each.place, "direct_url.json"), HEAD_CAP) or b""))
        url = native(told["url"]) if told["dir_info"]["editable"] is True else ""
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError):
        return None
    return str(unquote(url[7:])) if url.startswith("file:///") else None


def shadows_of_all(folders):
    # type: (Sequence[str]) -> Iterator[Finding]
    """What is imported instead of any package of the environment.

    Of the project's own package, and of what badly built packages leave beside their own, that is a warning.
    """
    library = library_folders()
    sites = [folder for folder in folders if is_site(folder)]
    if not sites:
        reason = "this interpreter does not look into its own site-packages"
        yield Finding("unreadable", "error", None, None, None, reason)
        return
    listed = [(folder, names_in(folder) or []) for folder in sites]
    early = listed_path(
        folder for folder in folders[: folders.index(sites[-1])] if not is_library(folder, library)
    )
    stems = {name.partition(".")[0] for _, names in listed for name in names}
    told = set()  # type: Set[str]
    for folder, names in early:
        if folder in sites:
            continue
        held_here = stems if names is None else {name.partition(".")[0] for name in names} & stems
        for module in sorted(held_here - told - {""}):
            place = _found_in(folder, names, module)
            later = _site_with(module, listed) if place is not None else None
            if place is not None and later is not None and not module.startswith("__"):
                told.add(module)
                yield _shadow_of_environment(folder, module, place, later)
    for site, names in listed:
        for each, module in _found_by_finders(site, names):
            place = _first_in(early, module)
            if place is not None and module not in told and not _is_own(os.path.realpath(place), [], each):
                told.add(module)
                yield _shadow(each.name, module, place, "error")
    for module in sorted((stems & {name for name in sys.modules if "." not in name}) - told - {""}):
        place = _loaded_from_elsewhere(module, folders)
        later = _site_with(module, listed) if place is not None else None
        if place is not None and later is not None and not module.startswith("__"):
            yield _shadow_of_environment(os.path.dirname(place), module, place, later)


def _site_with(module, listed):
    # type: (str, Sequence[Tuple[str, List[str]]]) -> Optional[str]
    """The first of some folders, each with what it holds, that has a module; None where none has it."""
    return next((site for site, held in listed if _module_in(site, module, held)), None)


def _found_by_finders(site, names):
    # type: (str, Sequence[str]) -> Iterator[Tuple[Distribution, str]]
    """The editable packages of a folder that a finder of their own finds, and what they are imported as."""
    finders = [name for name in names if name.startswith("__editable___") and name.endswith("_finder.py")]
    if not finders:
        return
    from envguard.guard.installed import Distribution, normalised

    for entry in names:
        stem, dot, suffix = entry.rpartition(".")
        if not dot or suffix.lower() != "dist-info":
            continue
        name = normalised(stem.partition("-")[0])
        if any(each.startswith("__editable___%s_" % name.replace("-", "_")) for each in finders):
            found = Distribution(name, "", 0, os.path.join(site, entry))
            for module in _import_names(found, site, names):
                yield found, module


def _shadow(package, module, place, severity):
    # type: (str, str, str, str) -> Finding
    reason = "`import %s` takes %s" % (module, place)
    return Finding("shadowed", severity, package, "the installed one", place, reason)


def _shadow_of_environment(folder, module, place, site):
    # type: (str, str, str, str) -> Finding
    package = _owner(site, module)
    is_mild = package is None or module in _STRAY or is_project_of(folder, package)
    return _shadow(package or module, module, place, "warn" if is_mild else "error")


def listed_path(folders):
    # type: (Iterable[str]) -> List[Tuple[str, Optional[List[str]]]]
    """Places on the path, each with what it holds."""
    return [(folder, names_in(folder)) for folder in folders]


def _first_in(listed, name):
    # type: (Listed, str) -> Optional[str]
    """The file that an import of a name takes from the first of some places that has it."""
    taken = (_found_in(folder, names, name) for folder, names in listed)
    return next((place for place in taken if place is not None), None)


def _found_in(folder, names, name):
    # type: (str, Optional[Sequence[str]], str) -> Optional[str]
    """The file that an import of a name takes from a place on the path, by what that holds."""
    return _module_in_zip(folder, name) if names is None else _module_in(folder, name, names)


def _module_in_zip(path, name):
    # type: (str, str) -> Optional[str]
    """The same of an archive, as Python itself reads it; None also where it reads none there."""
    import zipimport

    if os.path.basename(path) == "python%d%d.zip" % sys.version_info[:2]:
        return None  # the standard library of an interpreter that is embedded
    try:
        is_package = zipimport.zipimporter(path).is_package(name)
    except (ImportError, EnvironmentError, ValueError, EOFError):
        return None
    return os.path.join(path, name, "__init__.py") if is_package else os.path.join(path, name + ".py")


def _module_in(folder, name, names):
    # type: (str, str, Iterable[str]) -> Optional[str]
    """The file that an import of a name takes from a folder; a folder without ``__init__`` is none."""
    for entry in names:
        if entry == name:
            inside = os.path.join(folder, entry)
            init = _module_in(inside, "__init__", names_in(inside) or ()) if os.path.isdir(inside) else None
            if init is not None:
                return init
        elif entry == name + ".py" or (entry.startswith(name + ".") and entry.endswith(_BINARIES)):
            return os.path.join(folder, entry)
    return None


def _import_names(each, folder, names):
    # type: (Distribution, str, Sequence[str]) -> List[str]
    """What a distribution is imported as: its own name, else what its metadata lists."""
    own = each.name.replace("-", "_")
    if _module_in(folder, own, names) is not None:
        return [own]
    listed = text_of(read_file(os.path.join(each.place, "top_level.txt"), HEAD_CAP) or b"").split()
    if not listed:
        rows = text_of(read_file(os.path.join(each.place, "RECORD"), _RECORD_CAP) or b"").splitlines()
        firsts = (row.split(",")[0].strip('"').split("/")[0] for row in rows)
        listed = sorted(
            {first.split(".")[0] for first in firsts if not first.endswith((".dist-info", ".pth"))}
        )
    return [name for name in listed if name and name not in ("__pycache__", "_")] or [own]


def _owner(site, module):
    # type: (str, str) -> Optional[str]
    """The distribution that a module belongs to, by its name, else by what distributions list."""
    from envguard.guard.installed import Distribution, normalised

    held = names_in(site) or ()
    entries = sorted(each for each in held if each.lower().endswith((".dist-info", ".egg-info")))
    names = [normalised(each.rpartition(".")[0].partition("-")[0]) for each in entries]
    if normalised(module) in names:
        return normalised(module)
    for name, entry in zip(names, entries):  # noqa: B905 - 2.7 has no `strict`
        if module in _import_names(Distribution(name, "", 0, os.path.join(site, entry)), site, held):
            return name
    return None


def is_project_of(folder, package):
    # type: (str, Optional[str]) -> bool
    """Whether a folder is the project that a package was made of."""
    from envguard.guard.installed import normalised

    for line in text_of(read_file(os.path.join(folder, "pyproject.toml"), HEAD_CAP) or b"").splitlines():
        key, equals, value = line.partition("=")
        if equals and key.strip() == "name" and normalised(value.strip().strip("\"'")) == package:
            return True
    return False
