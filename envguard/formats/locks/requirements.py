"""``requirements.txt`` as a lock, with all the files that it names.

Rules
1. ``-r`` takes a file's lines in; ``-c`` takes them as constraints: they ask for nothing, but pin what other
   lines leave open, and say how the rest must be where it is there. Paths are relative to the file that names
   them; a file that comes twice counts once; a circle is an error.
2. In the end everything is pinned. A file that pins nothing is no lock.
3. The same pin twice is one; two different ones for all environments are an error.
4. The digest is over the text; where further files belong to the lock, over all of them in the order in which
   they were first read.
5. ``@EXPLICIT`` makes it conda's list of package files (see ``conda_explicit``).
"""

from __future__ import annotations

import contextlib
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from envguard.domain.environment import Digest, digest_of_text
from envguard.domain.locks.constraints import Contradiction, constrained
from envguard.domain.locks.lock import Lock, LockedPackage
from envguard.errors import PolicyError
from envguard.formats.companions import Companions, beside
from envguard.formats.files import raise_all, shown
from envguard.formats.locks.conda_explicit import is_explicit, parse_conda_explicit
from envguard.formats.locks.lines import Line, logical_lines
from envguard.formats.locks.project_names import project_name
from envguard.formats.locks.requirement import Entry, Include, parse_line

_MOST_LINES = 5_000
"""Lines that say something, in all files: ten times what large projects have, and read in half a second."""
_MOST_PROBLEMS = 100
_COLUMN = re.compile(r"(:\d+):\d+(?=: |$)")
_HINT = "`uv pip compile` and `pip freeze` write one with every pin"


def parse_requirements(text: str, filename: str, companions: Companions) -> Lock:
    """Answer the lock that a pinned requirements file says; raises PolicyError with every wrong line."""
    if is_explicit(text):
        return parse_conda_explicit(text, filename, companions)
    read = Requirements(companions)
    read.add_file(text, filename)
    packages = read.packages()
    if not any(not package.only_constrains for package in packages) and not read.problems:
        read.problems.append(PolicyError("the lock pins nothing", where=filename, hint=_HINT))
    raise_all(read.problems, filename)
    return Lock(packages=packages, digest=read.digest(text))


class _EnoughError(Exception):
    """So much is wrong, or there, that the rest is not read; caught in the same class."""


class Requirements:
    """What the lines of requirements files say, gathered over all of them."""

    def __init__(self, companions: Companions) -> None:
        """Take the files beside the first one."""
        self.problems: list[PolicyError] = []
        self._companions = companions
        self._required: list[Entry] = []
        self._constraints: list[Entry] = []
        self._read: set[tuple[str, bool]] = set()
        self._further: dict[str, str] = {}
        self._lines = 0
        self._unsettled: set[str] = set()
        """Names of which constraints are asked anew in each place."""

    def add_file(self, text: str, filename: str) -> None:
        """Take in a file's lines, and those of the files that it names."""
        with contextlib.suppress(_EnoughError):
            self._add_lines(text, filename, only_constrains=False, above=())

    def add_line(self, line: Line, filename: str, where: str) -> None:
        """Take in one line that stands in a file of another format; what is wrong with it is noted."""
        with contextlib.suppress(_EnoughError):
            self._add(line, filename, where, only_constrains=False, above=())

    def packages(self) -> tuple[LockedPackage, ...]:
        """Answer the entries of the lock; what cannot be one is noted."""
        constraints: dict[str, list[Entry]] = defaultdict(list)
        for entry in self._constraints:
            constraints[entry.package.name].append(entry)
        required = [self._decided(entry, constraints) for entry in self._required]
        self._note_contradictions(required)
        settled = {entry.package.name for entry in required} - self._unsettled
        left = [entry for entry in self._constraints if entry.package.name not in settled]
        return tuple(_merged([*required, *left]))

    def digest(self, text: str) -> Digest:
        """Answer the digest of the first file's text and of what was read besides."""
        if not self._further:
            return digest_of_text(text)
        return digest_of_text(msgspec.json.encode([text, *self._further.values()]))

    def _add_lines(self, text: str, filename: str, *, only_constrains: bool, above: tuple[str, ...]) -> None:
        """Take in a file; ``above`` are the files that name it."""
        for line in logical_lines(text):
            where = f"{filename}:{line.number}:{line.column}"
            self._add(line, filename, where, only_constrains=only_constrains, above=(*above, filename))

    def _add(
        self, line: Line, filename: str, where: str, *, only_constrains: bool, above: tuple[str, ...]
    ) -> None:
        self._lines += 1
        if self._lines == _MOST_LINES:
            self.problems.append(PolicyError("too many lines for a lock", where=where))
        if self._lines >= _MOST_LINES or len(self.problems) >= _MOST_PROBLEMS:
            raise _EnoughError
        try:
            for said in parse_line(line, where, lambda path, place: self._name_of(path, filename, place)):
                if isinstance(said, Include):
                    self._include(said, filename, where, above)
                elif only_constrains:
                    self._constraints.append(_constraint(said))
                else:
                    self._required.append(_placed(said, filename))
        except PolicyError as problem:
            self.problems.append(problem)

    def _include(self, include: Include, filename: str, where: str, above: tuple[str, ...]) -> None:
        if "://" in include.name:
            what = f"not a file beside this one: `{shown(include.name)}`"
            raise PolicyError(
                what, where=where, hint="an address may answer differently tomorrow: keep the file"
            )
        name = beside(filename, include.name, where)
        if name in above:
            circle = " -> ".join([*above[above.index(name) :], name])
            raise PolicyError(f"the files name each other in a circle: {shown(circle)}", where=where)
        if (name, include.only_constrains) in self._read:
            return
        self._read.add((name, include.only_constrains))
        text = self._companions.read(name, "requirements file", where)
        self._further.setdefault(name, text)
        self._add_lines(text, name, only_constrains=include.only_constrains, above=above)

    def _name_of(self, path: str, filename: str, where: str) -> str | None:
        folder = beside(filename, path, where)
        name = project_name(folder, self._companions)
        if name is not None:
            self._further.setdefault(f"{folder}/", name)
        return name

    def _decided(self, entry: Entry, constraints: dict[str, list[Entry]]) -> Entry:
        """The entry as constraints pin it that always hold; where they depend on the place, as it is."""
        package = entry.package
        found = constraints.get(package.name, [])
        if not entry.package.is_pin and not any(each.package.is_pin for each in found):
            hint = f"{package.name}==VERSION, here or in a constraints file: a lock pins everything"
            self.problems.append(
                PolicyError(f"not a pin: `{shown(entry.written)}`", where=entry.where, hint=hint)
            )
        elif any(each.package.marker is not None for each in found):
            self._unsettled.add(package.name)
        elif found:
            try:
                package = constrained(package, tuple(each.package for each in found))
            except Contradiction as contradiction:
                self._unsettled.add(package.name)
                if package.marker is None:
                    hint = "correct one of the two"
                    self.problems.append(PolicyError(contradiction.reason, where=entry.where, hint=hint))
        return Entry(package, entry.written, entry.where)

    def _note_contradictions(self, entries: Iterable[Entry]) -> None:
        """Note pins for all environments that another such pin denies."""
        first: dict[str, Entry] = {}
        for entry in entries:
            if entry.package.marker is not None or not entry.package.is_pin:
                continue
            known = first.setdefault(entry.package.name, entry)
            if _wanted(known.package) != _wanted(entry.package):
                what = f"`{entry.package.name}` is pinned otherwise already, at {_line(known.where)}"
                self.problems.append(PolicyError(what, where=entry.where, hint="keep one of the two"))


def _constraint(entry: Entry) -> Entry:
    return Entry(msgspec.structs.replace(entry.package, only_constrains=True), entry.written, entry.where)


def _placed(entry: Entry, filename: str) -> Entry:
    """The entry with the place of its folder or file as the lock's own folder has it, not the file's."""
    location, folder = entry.package.location, posixpath.dirname(filename)
    if location is None or not folder:
        return entry
    place = posixpath.normpath(posixpath.join(folder, location))
    return Entry(msgspec.structs.replace(entry.package, location=place), entry.written, entry.where)


def _line(where: str) -> str:
    """The file and the line of a place with a column."""
    return _COLUMN.sub(r"\1", where, count=1)


def _wanted(package: LockedPackage) -> tuple[object, ...]:
    return package.version, package.origin


def _merged(entries: Iterable[Entry]) -> Iterator[LockedPackage]:
    """The entries, those that want the same as one: an unconditional one takes the conditional ones in."""
    found: dict[tuple[object, ...], dict[str | None, LockedPackage]] = {}
    for entry in entries:
        package = entry.package
        key = (package.name, package.only_constrains, package.specifier, *_wanted(package))
        by_marker = found.setdefault(key, {})
        known = by_marker.get(package.marker)
        if known is not None:
            artifacts = tuple(dict.fromkeys((*known.artifacts, *package.artifacts)))
            package = msgspec.structs.replace(package, artifacts=artifacts)
        by_marker[package.marker] = package
    for by_marker in found.values():
        yield from [by_marker[None]] if None in by_marker else by_marker.values()
