"""TOML with places: what a file holds, or every problem in it with its line, its column and its key.

Rules
1. A syntax error has line and column. Any other problem has its key path too, such as ``package[3].version``
   (see ``toml_places``).
2. A table is read as one type: of several problems in one table the first is told.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import NoReturn, TypeVar

import msgspec
from packaging.markers import InvalidMarker, Marker

from envguard.domain.requirements import normalised_name
from envguard.domain.toml_keys import has_long_key
from envguard.domain.versions import is_specifier, is_version
from envguard.errors import PolicyError
from envguard.formats.files import Gathered, shown
from envguard.formats.locks.offsets import Lines
from envguard.formats.locks.toml_places import TomlPlaces

Shape = TypeVar("Shape", bound=msgspec.Struct)

_PLACE = re.compile(r"(?P<what>.*) \(at line (?P<line>\d+), column (?P<column>\d+)\)", re.DOTALL)
_AT_END = " (at end of document)"
_PATH = re.compile(r"(?P<what>.*?)(?: - at `\$(?P<path>.*)`)?", re.DOTALL)
_MISFIT = re.compile(r"Expected `(?P<wanted>[^`]*)`, got `(?P<found>[^`]*)`")
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_LIMIT_BYTES = 8 * 1024 * 1024
"""No lock is known to have over 4 MiB."""
_MOST = {"=": 80_000, ",": 80_000, "\n": 150_000, "[": 50_000, "\\": 50_000, " " * 1_000: 0}
"""Of what costs time, as much as is read in half a second. Poetry writes 55,000 of the first in 4 MiB."""
_LONGEST_MARKER = 100_000
_MOST_MARKERS = 1_000_000
"""Characters of all different markers of a file: dozens of conflicting extras make some ten thousands."""
_TYPES = {
    "array": "a list",
    "bool": "`true` or `false`",
    "date": "a time",
    "datetime": "a time",
    "float": "a number",
    "int": "a whole number",
    "object": "a table",
    "str": "a text",
    "time": "a time",
}


class TomlProblems(Gathered):
    """Everything that is wrong with one file."""

    def __init__(self, text: str, filename: str, hint: str) -> None:
        """Take the file, and what helps against most of its problems."""
        super().__init__(filename)
        self._places = TomlPlaces(text)
        self._hint = hint
        self._names: dict[str, str] = {}
        self._markers: dict[str, str | None] = {}
        self._marker_characters = 0

    def add(self, what: str, key: str, table: tuple[str, int] | None = None) -> None:
        """Note one problem; ``table`` is what it is in: ``("package", 3)``. The hundredth raises them all."""
        path = ".".join(filter(None, ["" if table is None else f"{table[0]}[{table[1]}]", key]))
        self.keep(PolicyError(what, where=self.where(path, self._places.of(key, table)), hint=self._hint))

    def where(self, path: str, place: str | None = None) -> str:
        """Answer the file, the place in it, and a key path; the place is sought unless it is given."""
        place = f"{self.filename}{self._places.of(path, None) if place is None else place}"
        return f"{place}: {shown(path)}" if path else place

    def read(
        self, value: object, shape: type[Shape], key: str, table: tuple[str, int] | None = None
    ) -> Shape | None:
        """Answer a table as a type; a table that does not fit is noted, and None."""
        try:
            return msgspec.convert(value, shape)
        except msgspec.ValidationError as error:
            what, path = _in_words(str(error))
            self.add(what, ".".join(filter(None, [key, path])), table)
        return None

    def whole(self, value: object, shape: type[Shape]) -> Shape:
        """Answer a whole file as a type; raises PolicyError at once where it does not fit."""
        found = self.read(value, shape, "")
        if found is None:
            raise self.found[-1]
        return found

    def tables(
        self, values: Iterable[object], shape: type[Shape], name: str
    ) -> list[tuple[Shape, tuple[str, int]]]:
        """Answer the tables of an array; raises PolicyError at once with all that do not fit."""
        found = []
        for index, value in enumerate(values):
            table = self.read(value, shape, "", (name, index))
            if table is not None:
                found.append((table, (name, index)))
        self.raise_all()
        return found

    def name(self, text: str, key: str, table: tuple[str, int] | None = None) -> str:
        """Answer a name as names are compared (PEP 503); what is none is noted."""
        if text in self._names:
            return self._names[text]
        if not _NAME.fullmatch(text):
            self.add(f"not a name: `{shown(text)}`", key, table)
            return text
        name = self._names[text] = normalised_name(text)
        return name

    def version(self, text: str | None, key: str, table: tuple[str, int] | None = None) -> str | None:
        """Answer a version as it is written; what is none is noted."""
        if text is not None and not is_version(text):
            self.add(f"not a version: `{shown(text)}`", key, table)
        return text

    def specifier(self, text: str | None, key: str) -> str | None:
        """Answer a specifier set as it is written, None for an empty one; what is none is noted."""
        if text and not is_specifier(text):
            self.add(f"not a version specifier: `{shown(text)}`", key)
        return text or None

    def marker(self, text: str | None, key: str, table: tuple[str, int] | None = None) -> str | None:
        """Answer a marker as it is written, None for an empty one; what is none is noted."""
        if not text:
            return None
        if text not in self._markers:
            self._marker_characters += len(text)
            is_over = self._marker_characters > _MOST_MARKERS
            self._markers[text] = (
                "the markers of this file are too long" if is_over else wrong_with_marker(text)
            )
        wrong = self._markers[text]
        if wrong is not None:
            self.add(wrong, key, table)
        return text


def read_toml(text: str, filename: str, hint: str) -> dict[str, object]:
    """Answer what a TOML text holds; raises PolicyError where it is none, is too large, or too deep."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    if len(text) > _LIMIT_BYTES:
        raise PolicyError(f"too large for a lock: over {_LIMIT_BYTES >> 20} MiB", where=filename, hint=hint)
    if any(text.count(sign) > most for sign, most in _MOST.items()):
        raise PolicyError("too many entries for a lock", where=filename, hint=hint)
    if has_long_key(text):
        raise PolicyError("not a lock: a key of a hundred parts", where=filename, hint=hint)
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise PolicyError("nested too deeply for a lock", where=filename, hint=hint) from error
    except ValueError as error:  # TOMLDecodeError, and numbers that are too long to be any
        _refuse(str(error), text, filename, hint, error)


def wrong_with_marker(marker: str) -> str | None:
    """Answer what is wrong with a marker; None where it is one."""
    if len(marker) > _LONGEST_MARKER:
        return f"a marker of over {_LONGEST_MARKER} characters"
    try:
        Marker(marker)
    except (InvalidMarker, RecursionError):
        return f"not a marker: `{shown(marker)}`"
    return None


def _refuse(message: str, text: str, filename: str, hint: str, error: ValueError) -> NoReturn:
    found = _PLACE.fullmatch(message)
    what = found["what"] if found else message.partition(";")[0]
    where = f"{filename}:{found['line']}:{found['column']}" if found else filename
    if what.endswith(_AT_END):
        what, where = what.removesuffix(_AT_END), f"{filename}{Lines(text).place(len(text))}"
    raise PolicyError(f"not TOML: {shown(what)}", where=where, hint=hint) from error


def _in_words(message: str) -> tuple[str, str]:
    """Answer what does not fit, in our words for msgspec's, and the key path below what was read."""
    found = _PATH.fullmatch(message)
    what, path = (found["what"], found["path"] or "") if found else (message, "")
    misfit = _MISFIT.fullmatch(what)
    if misfit is not None:
        wanted, got = (_types(misfit[part]) for part in ("wanted", "found"))
        return f"{wanted} is expected, not {got}", path.strip(".")
    missing = what.removeprefix("Object missing required field ")
    return shown(f"the key is missing: {missing}" if missing != what else what), path.strip(".")


def _types(names: str) -> str:
    return " or ".join(_TYPES.get(name, name) for name in names.split(" | ") if name != "null")
