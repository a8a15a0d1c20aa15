"""Where our reading differs on purpose from what others list: each difference, and why.

``docs/inventory.md`` holds the same rows, and ``test_differences.py`` shows each of them.
"""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """One row of the table."""

    who: str
    theirs: str
    ours: str


DIFFERENCES = {
    "leftovers": Difference(
        "importlib.metadata, pip 23",
        "count what pip left behind in `~` folders; pip 23 may then hide the good package of that name",
        "a `leftover`, never a package",
    ),
    "two in one folder": Difference(
        "pip",
        "picks one of two versions in one folder",
        "both versions are told, as a `duplicate`",
    ),
    "two folders": Difference(
        "importlib.metadata",
        "lists both of two folders' versions",
        "the first on the path counts, the other is `shadowed`",
    ),
    "egg-link": Difference(
        "uv, and pip from 23",
        "list an `.egg-link` whose folder is on no path",
        "not importable, so not counted",
    ),
    "eggs": Difference(
        "uv",
        "leaves out `.egg` folders, zip files, and names with a suffix in capitals",
        "counted where they are on the path, as the interpreter counts them",
    ),
    "base": Difference(
        "uv",
        "leaves out what an environment sees of its base, what PyPy brings, and Debian's own packages",
        "counted, as the interpreter, importlib.metadata and pip count them",
    ),
    "wheels": Difference(
        "uv, pip",
        "leave out what lies in a wheel that is on the path",
        "counted, as the interpreter imports and counts it",
    ),
    "not UTF-8": Difference(
        "importlib.metadata, pip",
        "end with an error at metadata that is not UTF-8",
        "the package counts; odd bytes are escaped",
    ),
    "byte order mark": Difference(
        "importlib.metadata",
        "misses the first header behind a byte order mark",
        "the mark is dropped",
    ),
    "incomplete": Difference(
        "importlib.metadata, pip",
        "give no name or no version, leave the package out, or end with an error",
        "what the metadata lacks the folder's name tells, and the package is `unreadable`",
    ),
    "name": Difference(
        "uv, and pip from 24 for the version",
        "go by the folder's name where the metadata says otherwise",
        "the metadata counts, as for importlib.metadata",
    ),
    "code": Difference(
        "importlib.metadata, pip",
        "see folders that code in a `.pth` adds to the path",
        "code is never run; where it speaks of the path, the `.pth` is `unreadable`",
    ),
}
