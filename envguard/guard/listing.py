"""What this interpreter is and finds installed, as one text with a digest of its own."""

import os
import stat
import sys

from envguard.guard.files import bytes_of
from envguard.guard.installed import find_installed
from envguard.guard.interpreter import implementation, python_version, search_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Tuple

_SPELLED = {"cpython": "CPython", "pypy": "PyPy"}
_NOT_LISTED = ("envguard-guard",)
"""The guard itself is never called drift."""


def listing_here():
    # type: () -> Tuple[str, List[str]]
    """A line for each distribution, and the places that cannot be read.

    Its name, as names are compared, and its version, of several all; the interpreter's implementation and
    version are the first line.
    """
    found, unread = find_installed(search_path(), None)
    lines = [
        "%s==%s" % (name, ",".join(sorted({each.version or "" for each in found[name]})))
        for name in sorted(found)
        if name not in _NOT_LISTED
    ]
    builds = "".join(flag for flag in getattr(sys, "abiflags", "") if flag in "td")  # without a GIL; debug
    own = implementation()
    python = "%s %s%s" % (_SPELLED.get(own, own), python_version(), builds)
    closed = [each for each in unread if _may_hold_packages(each)]
    return "".join(plain(line) + "\n" for line in [python] + lines), closed


def plain(text):
    # type: (str) -> str
    """A text in signs that every file and every message takes."""
    return "".join(sign if " " <= sign <= "~" else "\\x%02x" % ord(sign) for sign in text)


def digest_of_listing(listing):
    # type: (str) -> str
    """The sha256 of a listing."""
    from hashlib import sha256

    return sha256(bytes_of(listing)).hexdigest()


def differences_of(first, other):
    # type: (str, str) -> List[Tuple[str, str, str]]
    """What two listings do not share: the name, and the version in each; empty where it is absent."""
    python, here = _read_listing(first)
    other_python, there = _read_listing(other)
    differing = [("python", python, other_python)] if python != other_python else []
    for name in sorted(set(here) | set(there)):
        if here.get(name) != there.get(name):
            differing.append((name, here.get(name, ""), there.get(name, "")))
    return differing


def _read_listing(listing):
    # type: (str) -> Tuple[str, Dict[str, str]]
    lines = listing.split("\n")
    pairs = [line.partition("==") for line in lines[1:] if line]
    return lines[0], {name: version or "no version" for name, _, version in pairs}


def _may_hold_packages(unread):
    # type: (str) -> bool
    """Whether a place that cannot be read as a folder is one: not what is absent, nor a zip file."""
    try:
        return not stat.S_ISREG(os.stat(unread).st_mode)
    except OSError as error:
        return error.errno not in (2, 20)
