"""A policy that was compiled into the environment: its lines, and whether they may still be taken."""

import os
import sys
import time

from envguard.guard.files import FILE_CAP, names_in, owned_content, read_file, text_of, trusted_uids
from envguard.guard.interpreter import implementation, is_free_threaded, is_site, python_version, search_path
from envguard.guard.verdict_file import is_torn, markers_around, unescaped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List, Optional, Set, Tuple

    from envguard.guard.verdict import Answer

POLICY_FORMAT = "envguard-policy 1"
"""The first line of a compiled policy."""
_AGAIN = "compile it again: envguard guard install"
_CLOSED = "it is a link, too long, cannot be read, or is others' to write"
_SOURCE_CAP = 64 * 1024 * 1024
_SINGLE = (
    "policy",
    "source",
    "compiled",
    "is",
    "compiled-for",
    "grace",
    "python",
    "unlisted",
    "origins",
    "project",
)
_SEVERAL = ("site", "file", "marker", "always", "cannot", "package", "deny", "waiver")
_LENGTHS = {
    "policy": 5,
    "compiled": 1,
    "compiled-for": 4,
    "python": 4,
    "unlisted": 3,
    "project": 2,
    "file": 2,
    "marker": 2,
    "always": 8,
    "package": 9,
    "locked": 10,
    "deny": 5,
    "waiver": 5,
}


class Lines(object):
    """The lines of a compiled policy."""

    def __init__(self, lines):
        # type: (Iterable[str]) -> None
        """Take apart those between the first and the last.

        Raises ValueError, KeyError or IndexError where they are not understood.
        """
        self.one = {}  # type: Dict[str, List[str]]
        self.all = {word: [] for word in _SEVERAL}  # type: Dict[str, List[List[str]]]
        self.locked = []  # type: List[List[List[str]]]
        """What is meant by each package, in the order of the packages."""
        for line in lines:
            fields = line.split("\t")
            word = fields.pop(0)
            if "\\" in line:
                fields = [unescaped(each) for each in fields]
            if len(fields) != _LENGTHS.get(word, 1):
                raise ValueError(line)
            if word == "locked":
                self.locked[-1].append(fields)
            elif word in self.all:
                self.all[word].append(fields)
                if word == "package":
                    self.locked.append([])
            elif word in _SINGLE and word not in self.one:
                self.one[word] = fields
            else:
                raise ValueError(line)
        self.name, revision, _, self.bound_by, before_run = self.one["policy"]
        if before_run not in ("refuse", "warn"):
            raise ValueError(before_run)
        self.refuses = before_run == "refuse"
        self.revision = None if revision == "-" else int(revision)
        self.compiled_at = int(self.one["compiled"][0])
        self.grace_until = int(self.one.get("grace", ["0"])[0])
        self.waivers = [
            (package, kind, int(ends), until, is_certain == "1")
            for package, kind, ends, until, is_certain in self.all["waiver"]
        ]
        self.source = self.one["source"][0]
        if self.one.get("python", ["", "", ""])[2] not in ("", "0", "1"):
            raise ValueError("neither with the GIL nor without")


def by_compiled(asked):
    # type: (Optional[str]) -> Answer
    """What the policy says that was compiled into this environment, judged here."""
    content, reason = _content()
    if content is None:
        return None, reason
    rows = text_of(content).split("\n")
    if rows[0] != POLICY_FORMAT:
        return None, "the compiled policy is newer than this guard understands"
    if is_torn(rows):
        return None, "the compiled policy is torn: " + _AGAIN
    try:
        lines = Lines(rows[1:-2])
    except (ValueError, KeyError, IndexError):
        return None, "the compiled policy is not understood: " + _AGAIN
    reason = _why_not(lines, asked)
    if reason:
        return None, reason
    from envguard.guard.judging import judge_here

    return judge_here(lines), ""


def _content():
    # type: () -> Tuple[Optional[bytes], str]
    """The file that lies beside the guard's metadata, or why none is taken."""
    for site in search_path():
        entries = [
            os.path.join(site, entry, "policy")
            for entry in (names_in(site) or () if is_site(site) else ())
            if entry.startswith("envguard_guard-") and entry.endswith(".dist-info")
        ]
        found = [path for path in entries if os.path.lexists(path)]
        if len(found) > 1:
            return None, "%s has two guards: %s" % (site, _AGAIN)
        if found:
            content = owned_content(found[0], _believed_in(site), 0o002, FILE_CAP)
            return content, "" if content is not None else "%s is not taken: %s" % (found[0], _CLOSED)
    return None, "no policy was compiled into this environment"


def _believed_in(site):
    # type: (str) -> Tuple[int, ...]
    """Whose files are believed: also those of the folder's owner, who may write the environment anyway."""
    try:
        return trusted_uids() + (os.stat(site).st_uid,)
    except OSError:
        return trusted_uids()


def _why_not(lines, asked):
    # type: (Lines, Optional[str]) -> str
    """Why a policy is not to be taken, here and now; nothing where it is."""
    if time.time() + 60 < lines.compiled_at:
        return "the policy was compiled in the future: which clock is right?"
    own = [os.path.realpath(folder) for folder in search_path() if is_site(folder)]
    if own != [folder for (folder,) in lines.all["site"]]:
        return "the policy was compiled for an interpreter that looks elsewhere: " + _AGAIN
    if lines.one.get("compiled-for", _this_python()) != _this_python():
        return "the policy was compiled for %s: %s" % (" ".join(lines.one["compiled-for"][:3]), _AGAIN)
    noted = {path for path, digest in lines.all["marker"] if not _has_changed(path, digest)}  # type: Set[str]
    for path, digest in lines.all["file"]:
        if _has_changed(path, digest):
            return "%s has changed since the policy was compiled: %s" % (path, _AGAIN)
        noted.add(path)
    if asked is not None:
        is_it = asked == lines.name if not _is_path(asked) else _is_same(asked, lines)
        return "" if is_it else "another policy was compiled into this environment: `%s`" % lines.name
    if not _is_meant_here(lines.bound_by, noted):
        return "this folder may name another policy than the compiled `%s`" % lines.name
    return ""


def _this_python():
    # type: () -> List[str]
    machine = os.uname()[4] if hasattr(os, "uname") else ""
    platform = "%s-%s" % (sys.platform, machine)
    return [implementation(), python_version(), platform, "1" if is_free_threaded() else "0"]


def _has_changed(path, digest):
    # type: (str, str) -> bool
    """Whether a file is there, and is another than it was; one that is gone tells nothing."""
    try:
        if not os.path.lexists(path):
            return False
    except (ValueError, TypeError):
        return True  # no path at all
    content = read_file(path, _SOURCE_CAP)
    return content is None or _sha256(content) != digest


def _sha256(content):
    # type: (bytes) -> str
    """By Python's own module where there is one: what hashlib prefers loads OpenSSL, which takes 3 ms."""
    try:
        sha256 = __import__("_sha2" if sys.version_info >= (3, 12) else "_sha256").sha256
    except ImportError:
        from hashlib import sha256
    return str(sha256(content).hexdigest())


def _is_path(asked):
    # type: (str) -> bool
    return "/" in asked or asked.endswith((".yaml", ".yml", ".txt", ".toml", ".lock", ".json"))


def _is_same(asked, lines):
    # type: (str, Lines) -> bool
    """Whether the file that is asked for is the one that was compiled, and is still there."""
    try:
        path = os.path.realpath(asked)
    except OSError:
        return False  # the working folder is gone
    return [path] == lines.one.get("is") and os.path.isfile(path)


def _is_meant_here(bound_by, noted):
    # type: (str, Set[str]) -> bool
    """Whether nothing around the working folder may name another policy."""
    if bound_by in ("use", "marker"):
        return True
    nearest = next(markers_around(any_of_them=bound_by == "here"), None)
    return bound_by != "here" if nearest is None else nearest in noted
