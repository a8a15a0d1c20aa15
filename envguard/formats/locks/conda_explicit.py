"""Conda's explicit lists: ``@EXPLICIT``, then one package file a line, for one platform.

Rules
1. ``conda list --explicit`` and ``conda-lock render`` write them; conda takes the files as they are named.
2. ``# pip NAME @ ADDRESS --hash=...`` is an entry of pip's (conda-lock writes and installs it).
3. The platform is the folder of the files; what is ``noarch`` alone says none, and ``# platform:`` does.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote

from envguard.domain.environment import digest_of_text
from envguard.domain.locks.lock import Lock, LockedPackage
from envguard.errors import PolicyError
from envguard.formats.companions import Companions
from envguard.formats.files import Gathered, raise_all, shown
from envguard.formats.locks.conda_platforms import bare_digest, conda_package, parts_of_file, platform_marker
from envguard.formats.locks.lines import Line, column_of
from envguard.formats.locks.requirement import Entry, parse_line

_EXPLICIT = re.compile(r"^@EXPLICIT[ \t]*$", re.MULTILINE)
_MOST_LINES = 20_000
_HINT = "`conda list --explicit --md5` writes such a list"


def is_explicit(text: str) -> bool:
    """Whether the text is such a list."""
    return "@EXPLICIT" in text and _EXPLICIT.search(text) is not None


def parse_conda_explicit(text: str, filename: str, _companions: Companions) -> Lock:
    """Answer the lock that an explicit list says; raises PolicyError with every wrong line."""
    read = _Explicit(filename)
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        read.add(raw.strip(), number, column_of(raw))
    if not is_explicit(text):
        read.found.insert(0, PolicyError("the line `@EXPLICIT` is missing", where=filename, hint=_HINT))
    elif not read.packages and not read.found:
        read.keep(PolicyError("the lock names no packages", where=filename, hint=_HINT))
    read.raise_all()
    marker = platform_marker(read.platform) if read.platform is not None else None
    environments = (marker,) if marker is not None else ()
    return Lock(packages=tuple(read.packages), digest=digest_of_text(text), environments=environments)


class _Explicit(Gathered):
    """What the lines of such a list say, and what is wrong with them."""

    def __init__(self, filename: str) -> None:
        super().__init__(filename)
        self.packages: list[LockedPackage] = []
        self.platform: str | None = None
        self._lines: dict[str, int] = {}

    def add(self, line: str, number: int, column: int) -> None:
        where = f"{self.filename}:{number}:{column}"
        try:
            package = self._said(line, where)
        except PolicyError as problem:
            self.keep(problem)
            return
        if package is None:
            return
        key = f"{package.ecosystem} {package.name}"
        if key in self._lines:
            what = f"`{package.name}` is named on line {self._lines[key]} already"
            self.keep(PolicyError(what, where=where, hint="keep one of the two"))
            return
        self._lines[key] = number
        if number > _MOST_LINES:
            raise_all([*self.found, PolicyError("too many lines for a lock", where=where)], where)
        self.packages.append(package)

    def _said(self, line: str, where: str) -> LockedPackage | None:
        if line.startswith("# platform:"):
            self._platform(line.partition(":")[2].strip(), where)
        elif line.startswith("# pip "):
            for entry in parse_line(Line(0, line.removeprefix("# pip ")), where, lambda *_: None):
                if isinstance(entry, Entry) and entry.package.is_pin:
                    return entry.package
            raise PolicyError(f"not a pin: `{shown(line)}`", where=where, hint=_HINT)
        elif line and not line.startswith(("#", "@EXPLICIT")):
            return self._file(line, where)
        return None

    def _file(self, line: str, where: str) -> LockedPackage:
        address, _, mark = line.partition("#")
        folder, _, filename = unquote(address).rpartition("/")
        parts = parts_of_file(filename)
        if parts is None:
            what = f"not a package file of conda's: `{shown(line)}`"
            raise PolicyError(what, where=where, hint="ADDRESS/NAME-VERSION-BUILD.conda")
        digest = bare_digest(mark) if mark else None
        if mark and digest is None:
            raise PolicyError(f"not a hash: `{shown(mark)}`", where=where, hint="#MD5, or #sha256:...")
        subfolder = posixpath.basename(folder)
        if platform_marker(subfolder) is not None:
            self._platform(subfolder, where)
        return conda_package(filename, parts, (digest,) if digest is not None else (), None)

    def _platform(self, platform: str, where: str) -> None:
        if self.platform is None and platform_marker(platform) is not None:
            self.platform = platform
        elif platform not in (self.platform, "noarch"):
            what = f"another platform: `{shown(platform)}`, after `{shown(self.platform or 'none')}`"
            raise PolicyError(what, where=where, hint="one list is for one platform")
