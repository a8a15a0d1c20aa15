"""What is installed where this interpreter looks, by the names of metadata folders."""

import os

from envguard.guard.files import DIGITS, HEAD_CAP, names_in, native, read_file
from envguard.guard.versions import version_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Sequence, Set, Tuple


class Distribution(object):
    """A metadata folder (or file) on the path."""

    def __init__(self, name, version, index, place):
        # type: (str, str, int, str) -> None
        self.name = name
        self.version = version
        self.index = index
        self.place = place


def normalised(name):
    # type: (str) -> str
    """A name as names are compared (PEP 503)."""
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)


def find_installed(folders, wanted):
    # type: (Sequence[str], Optional[Set[str]]) -> Tuple[Dict[str, List[Distribution]], List[str]]
    """The distributions that this interpreter finds of some names, and the places that cannot be read.

    None wants all. Of a name the first folder counts; several in that folder are all told.
    """
    found = {}  # type: Dict[str, List[Distribution]]
    unread = []  # type: List[str]
    for index, folder in enumerate(folders):
        names = names_in(folder)
        if folder.endswith(".egg"):
            names = ["EGG-INFO"] if names else names
        elif names is None:
            unread.append(folder)
        for entry in [os.path.basename(folder)] if names is None else names:
            each = _distribution(folder, entry, index, wanted)
            if each is not None and found.setdefault(each.name, [each])[0].index == index:
                found[each.name] += [each] if each not in found[each.name] else []
    return found, unread


def _distribution(folder, entry, index, wanted):
    # type: (str, str, int, Optional[Set[str]]) -> Optional[Distribution]
    stem, dot, suffix = entry.rpartition(".")
    place = os.path.join(folder, entry)
    if entry == "EGG-INFO":
        stem = os.path.basename(folder)[:-4]
    elif suffix == "egg" and os.path.basename(folder) == entry:
        place = folder
    elif not dot or suffix.lower() not in ("dist-info", "egg-info"):
        return None
    name, _, version = stem.partition("-")
    is_dist_info = suffix.lower() == "dist-info"
    if not is_dist_info:
        version = version.partition("-py")[0]
    if name.startswith("~"):
        return None  # pip's leftovers
    is_odd = version[:1] not in DIGITS or not version or "-" in version
    if not is_odd and wanted is not None and normalised(name) not in wanted:
        return None
    if is_odd or version_of(version) is None:
        name, version = _told_by_metadata(place, name, version)
    name = normalised(name)
    is_wanted = wanted is None or name in wanted
    return Distribution(name, version, index, place) if is_wanted else None


def _told_by_metadata(place, name, version):
    # type: (str, str, str) -> Tuple[str, str]
    for path in (os.path.join(place, "METADATA"), os.path.join(place, "PKG-INFO"), place):
        headers = _headers(read_file(path, HEAD_CAP) or b"")
        if headers:
            return headers.get("name", name), headers.get("version", version)
    return name, version


def _headers(content):
    # type: (bytes) -> Dict[str, str]
    """Name and version; the first of each counts, as for pip."""
    found = {}  # type: Dict[str, str]
    text = content.decode("utf-8", "replace")
    for line in text.splitlines():
        if not line.strip():
            break
        key, colon, value = line.partition(":")
        if colon and key.lower() in ("name", "version"):
            found.setdefault(str(key.lower()), native(value.strip()))
    return found


def has_metadata(each):
    # type: (Distribution) -> bool
    """Whether there is metadata at all: where it is absent or empty, an installation was cut off."""
    if each.place.lower().endswith(".egg"):
        return True
    paths = [each.place, os.path.join(each.place, "METADATA"), os.path.join(each.place, "PKG-INFO")]
    return any(read_file(path, 1) for path in paths)
