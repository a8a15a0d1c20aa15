"""What this interpreter's environment holds: every distribution, by its metadata.

Taken are the folders that are the environment's own: the library's, its site-packages, and what their
``.pth`` files name. What is not plain is not interpreted: it is ``unreadable``, as is what cannot be read.
"""

import os
import stat

from envguard.guard.files import FILE_CAP, PLAIN, names_in, read_file, text_of
from envguard.guard.installed import normalised
from envguard.guard.interpreter import is_library, is_site, library_folders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, List, Optional, Sequence, Set, Tuple

_HEAD = 8192
_HEADERS_CAP = 65536
_OF_LIBRARY = ("python", "wsgiref", "argparse")
"""Egg-infos that belong to the standard library."""
_IN_VERSIONS = PLAIN | frozenset("+!_*")
_IN_NAMES = PLAIN | frozenset("_")


class Held(object):
    """A distribution; without a version its metadata could not be understood."""

    def __init__(self, name, version, index, place):
        # type: (str, Optional[str], int, str) -> None
        self.name = name
        self.version = version
        self.index = index
        self.place = place


class Holdings(object):
    """What was found: distributions by name, and what could not be read."""

    def __init__(self):
        # type: () -> None
        self.own = {}  # type: Dict[str, List[Held]]
        """The environment's own: of the first folder that has the name, several if it has several."""
        self.all = {}  # type: Dict[str, List[Held]]
        """Those of each folder in which this run looks."""
        self.troubles = []  # type: List[str]

    def before_own(self, name):
        # type: (str) -> List[Held]
        """What this run finds of a name before the environment's own."""
        first = self.own[name][0].index
        return [each for each in self.all[name] if each.index < first]


def holdings_of(folders):
    # type: (Sequence[str]) -> Holdings
    """What lies in these folders, which are those of the search path."""
    held = Holdings()
    library = library_folders()
    ranked = _own_folders(folders, library, held.troubles)
    for folder in ranked:
        if folder not in folders:
            held.troubles.append("this run does not look into %s, which a .pth file names" % folder)
    ranks = {}  # type: Dict[str, int]
    for index, folder in enumerate(folders):
        names = names_in(folder)
        rank = ranked.index(folder) if folder in ranked else None
        if names is None:
            if rank is not None:
                held.troubles.append("%s cannot be looked into" % folder)
            continue
        is_of_library = is_library(folder, library)
        for entry in _metadata_in(folder, names):
            each = _read(folder, entry, index)
            if is_of_library and each.name in _OF_LIBRARY:
                continue
            held.all.setdefault(each.name, []).append(each)
            if rank is not None and rank <= ranks.get(each.name, rank):
                if rank < ranks.get(each.name, rank + 1):
                    held.own[each.name] = []
                ranks[each.name] = rank
                held.own[each.name].append(each)
    return held


def _own_folders(folders, library, troubles):
    # type: (Sequence[str], Set[str], List[str]) -> List[str]
    """The environment's own folders in its own order, which is not that of ``PYTHONPATH`` or of a script."""
    ranked = [folder for folder in folders if is_library(folder, library)]
    for site in folders:
        if is_site(site):
            ranked.extend(each for each in [site] + _added_by(site, troubles) if each not in ranked)
    return ranked


def _metadata_in(folder, names):
    # type: (str, Sequence[str]) -> Iterator[str]
    for entry in names:
        ending = entry[-10:].lower()
        if ending == ".dist-info" or ending.endswith(".egg-info"):
            if not entry.startswith("~"):
                yield entry
        elif ending == "egg-info" and folder.lower().endswith(".egg"):
            yield entry


def _read(folder, entry, index):
    # type: (str, str, int) -> Held
    place = folder + "/" + entry
    is_dist_info = entry[-10:].lower() == ".dist-info"
    told = None
    for path in (place + "/METADATA", place + "/PKG-INFO", place):
        content = _head_of(path)
        if content:
            told = _told(content)
            break
    if told is not None:
        beside = ("/WHEEL", "/INSTALLER", "/direct_url.json") if is_dist_info else ("/requires.txt",)
        if all(_may_be_read(place + name) for name in beside):
            return Held(normalised(told[0]), told[1], index, place)
    stem = os.path.basename(folder)[:-4] if len(entry) == 8 else entry.rpartition(".")[0]
    return Held(normalised(stem.partition("-")[0]), None, index, place)


def _head_of(path):
    # type: (str) -> Optional[bytes]
    """The headers of a metadata file; None where it cannot be read, or they are too long."""
    content = read_file(path, _HEAD)
    if content is None or len(content) < _HEAD or b"\n\n" in content or b"\n\r\n" in content:
        return content
    content = read_file(path, _HEADERS_CAP)
    if content is not None and len(content) == _HEADERS_CAP and b"\n\n" not in content:
        return b"\n"  # too long to be judged
    return content


def _told(content):
    # type: (bytes) -> Optional[Tuple[str, str]]
    """Name and version, where both are plain; the first header of each counts."""
    if b"\r" in content:
        content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
    name = version = None  # type: Optional[str]
    start = 0
    while name is None or version is None:
        end = content.find(b"\n", start)
        line, start = (content[start:], len(content)) if end < 0 else (content[start:end], end + 1)
        if line[:1] in (b" ", b"\t"):
            continue
        key, colon, value = line.partition(b":")
        if not colon or _plain(key, _IN_NAMES) != text_of(key):
            return None  # no header, and the end of them
        word = key.lower()
        if word not in (b"name", b"version"):
            continue
        if content[start : start + 1] in (b" ", b"\t"):
            return None  # it goes on in the next line
        if word == b"name" and name is None:
            name = _plain(value, _IN_NAMES)
            if name is None or not (name[0] + name[-1]).isalnum():
                return None
        elif word == b"version" and version is None:
            version = _plain(value, _IN_VERSIONS)
            if version is None:
                return None
    return name, version


def _plain(value, signs):
    # type: (bytes, frozenset[str]) -> Optional[str]
    text = text_of(value.strip())
    return text if text and all(sign in signs for sign in text) else None


def _may_be_read(path):
    # type: (str) -> bool
    """Whether a file is absent, or a regular one of usual size that this process may read."""
    try:
        status = os.stat(path)
    except OSError as error:
        return error.errno in (2, 20)
    is_usual = stat.S_ISREG(status.st_mode) and status.st_size <= _HEADERS_CAP
    return is_usual and os.access(path, os.R_OK)


def _added_by(site, troubles):
    # type: (str, List[str]) -> List[str]
    """The folders and files that the ``.pth`` files of a site folder name, where they are there."""
    added = []  # type: List[str]
    for name in sorted(names_in(site) or ()):
        path = os.path.join(site, name)
        if name.endswith(".egg-link") and read_file(path, 1) is None:
            troubles.append("%s cannot be read" % path)
        if not name.endswith(".pth"):
            continue
        content = read_file(path, FILE_CAP)
        if content is None or len(content) == FILE_CAP or content.startswith(b"\xef\xbb\xbf"):
            troubles.append("%s cannot be read" % path)
            continue
        for line in map(str.rstrip, text_of(content).replace("\r", "\n").split("\n")):
            if line.startswith(("import ", "import\t")):
                if _changes_path(line):
                    troubles.append("the code in %s changes the path" % path)
            elif line and not line.startswith("#") and "\0" not in line:
                folder = os.path.normpath(os.path.join(site, line))
                if os.path.exists(folder):
                    added.append(folder)
    return added


def _changes_path(line):
    # type: (str) -> bool
    """Whether a line of code may; what setuptools wrote of old only moves what is named there."""
    if "sys.__egginsert" in line:
        return True
    return "sys.__plen" not in line and ("sys.path" in line or "addsitedir" in line)
