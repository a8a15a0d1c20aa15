"""``Pipfile.lock``, as Pipenv writes it.

Rules
1. ``default`` must always be there. Every other category is a group that can be chosen (``develop``, and
   those of ``[NAME]`` tables): ``pipenv install`` takes the former, ``--dev`` the others too.
2. ``_meta.requires`` says which Python.
3. ``"version": "*"`` is what Pipenv writes for a package that is for other platforms than the one it locked
   on: any version will do.
4. A package without a name of its own has a hash for one: its folder says what it is called.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import cast

import msgspec
from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name

from envguard.domain.environment import Digest, Origin, digest_of_text
from envguard.domain.locks.lock import Artifact, Lock, LockedPackage
from envguard.domain.versions import is_specifier
from envguard.errors import PolicyError
from envguard.formats.companions import Companions, beside
from envguard.formats.files import Gathered, has_controls, is_encodable, shown
from envguard.formats.locks.addresses import (
    is_name,
    parse_digest,
    parse_reference,
    refuse_variables,
    repository,
)
from envguard.formats.locks.groups import grouped
from envguard.formats.locks.json_places import JsonPlaces
from envguard.formats.locks.project_names import project_name
from envguard.formats.locks.requirement import LONGEST_VERSION

_HINT = "make it anew: `pipenv lock`"
_LONGEST = 8 * 1024 * 1024
"""Characters; Pipenv writes 2.5 MB for 300 packages of a hundred files each."""
_MOST_ENTRIES = 10_000
"""Of all categories together, each of which counts as one."""
_MOST_TABLES = 2 * _MOST_ENTRIES
"""Entries, and what else has keys; to read half a million of them takes a second."""
_LONGEST_MARKER = 2_000
_SYSTEMS = ("git", "hg", "svn", "bzr")
_HASHED_NAME = re.compile(r"[0-9a-f]{7}")
_EXACT = re.compile(r"===?\s*([^\s,*]+)")

_Table = Mapping[str, object]


def parse_pipenv(text: str, filename: str, companions: Companions) -> Lock:
    """Answer the lock that a ``Pipfile.lock`` says; raises PolicyError with every wrong entry."""
    places = JsonPlaces(text.removeprefix("\ufeff"))
    read = _Pipfile(filename, companions, places)
    content = _decoded(text, filename, places)
    requires_python = read.python(content.get("_meta", {}))
    categories = [category for category in content if category != "_meta"]
    packages = tuple(grouped(read.packages({category: content[category] for category in categories})))
    if not categories:
        read.note("", "not a lock: it has no `default`")
    read.raise_all()
    return Lock(
        packages=packages,
        digest=read.digest(text),
        requires_python=requires_python,
        groups=tuple(str(canonicalize_name(each)) for each in categories if each != "default"),
    )


class _Pipfile(Gathered):
    """What the file says, and what is wrong with it."""

    def __init__(self, filename: str, companions: Companions, places: JsonPlaces) -> None:
        super().__init__(filename)
        self._places = places
        self._companions = companions
        self._names: dict[str, str] = {}
        self._entries = 0

    def note(self, key: str, what: str, hint: str = _HINT) -> None:
        """Note what is wrong at a key; the hundredth raises them all."""
        self.keep(PolicyError(what, where=self._where(key), hint=hint))

    def digest(self, text: str) -> Digest:
        """Answer the digest of the text, and of the names that folders told."""
        return digest_of_text(msgspec.json.encode([text, self._names]) if self._names else text)

    def python(self, meta: object) -> str | None:
        """Answer the specifier of the Python that the lock was made for."""
        requires = meta.get("requires", {}) if isinstance(meta, dict) else None
        if not isinstance(requires, dict):
            self.note("_meta" if requires is None else "_meta.requires", "keys and values are expected")
            return None
        for key, form in (("python_full_version", "=={}"), ("python_version", "=={}.*")):
            version = requires.get(key)
            if version is None or version == "*":
                continue
            if isinstance(version, str) and is_specifier(form.format(version)):
                return form.format(version)
            self.note(f"_meta.requires.{key}", f"not a version: `{shown(str(version)[:200])}`")
        return None

    def packages(self, categories: _Table) -> Iterator[tuple[str | None, LockedPackage]]:
        """Yield the entries with their groups; None is always."""
        for category, table in categories.items():
            if not is_name(category):
                self.note(shown(category), "not a category's name")
            elif not isinstance(table, dict):
                self.note(category, "keys and values are expected")
            else:
                group = None if category == "default" else str(canonicalize_name(category))
                self._entries += 1 + len(table)
                if self._entries > _MOST_ENTRIES:
                    raise PolicyError("too many entries for a lock", where=self._where(category), hint=_HINT)
                for name, entry in table.items():
                    package = self._entry(f"{category}.{shown(name)}", name, entry)
                    if package is not None:
                        yield group, package

    def _entry(self, key: str, name: str, entry: object) -> LockedPackage | None:
        if isinstance(entry, str):
            entry = {"version": entry if entry.startswith(("*", "=")) else f"=={entry}"}
        if not isinstance(entry, dict):
            self.note(key, "keys and values are expected")
        elif not is_name(name):
            self.note(key, f"not a package's name: `{shown(name)}`")
        else:
            try:
                return self._package(key, str(canonicalize_name(name)), entry)
            except PolicyError as problem:
                self.keep(self._placed(problem, key))
        return None

    def _package(self, key: str, name: str, entry: _Table) -> LockedPackage:
        marker = self._marker(key, entry)
        artifacts = tuple(self._hashes(key, entry.get("hashes", [])))
        is_editable = entry.get("editable") is True
        for system in _SYSTEMS:
            url = self._text(key, entry, system)
            if url is not None:
                ref = self._text(key, entry, "ref")
                where = f"{key}.{'ref' if ref else system}"
                origin = _repository(system, url, ref or "", where, is_editable=is_editable)
                return LockedPackage(name, marker=marker, origin=origin)
        for kind in ("file", "path"):
            place = self._text(key, entry, kind)
            if place is not None:
                reference = parse_reference(place, f"{key}.{kind}", is_editable=is_editable)
                named = self._own_name(key, name, place)
                artifacts = (*reference.artifacts, *artifacts)
                return msgspec.structs.replace(reference.package(named, marker), artifacts=artifacts)
        version, specifier = self._version(key, self._text(key, entry, "version"))
        return LockedPackage(name, version, marker=marker, specifier=specifier, artifacts=artifacts)

    def _own_name(self, key: str, name: str, place: str) -> str:
        if _HASHED_NAME.fullmatch(name) is None or "://" in place:
            return name
        folder = beside(self.filename, place, key)
        told = project_name(folder, self._companions)
        if told is None:
            hint = f'name it in the Pipfile: NAME = {{path = "{shown(place)}"}}'
            raise PolicyError(f"the package's name is not said: `{shown(place)}`", where=key, hint=hint)
        self._names[folder] = told
        return told

    def _version(self, key: str, text: str | None) -> tuple[str | None, str | None]:
        """The exact version, or what is asked of it; neither for a star."""
        exact = _EXACT.fullmatch(text or "")
        if text is None or len(text) > LONGEST_VERSION:
            self.note(f"{key}.version", "no version")
        elif exact is not None:
            return exact[1], None
        elif text != "*":
            if is_specifier(text):
                return None, text
            self.note(f"{key}.version", f"not a version: `{shown(text)}`")
        return None, None

    def _marker(self, key: str, entry: _Table) -> str | None:
        parts = [self._text(key, entry, name) for name in ("markers", "os_markers")]
        texts = [part for part in parts if part and part.strip()]
        text = texts[0] if len(texts) == 1 else " and ".join(f"({each})" for each in texts)
        if not text:
            return None
        try:
            if len(text) > _LONGEST_MARKER:
                raise InvalidMarker("too long")
            return str(Marker(text))
        except (InvalidMarker, RecursionError):
            self.note(f"{key}.markers", f"not a marker: `{shown(text)}`")
            return None

    def _hashes(self, key: str, hashes: object) -> Iterator[Artifact]:
        if not isinstance(hashes, list):
            self.note(f"{key}.hashes", "a list is expected")
            return
        for index, each in enumerate(hashes):
            digest = parse_digest(each) if isinstance(each, str) else None
            if digest is None:
                self.note(f"{key}.hashes[{index}]", f"not a hash: `{shown(str(each)[:200])}`")
            else:
                yield Artifact("", (digest,))

    def _text(self, key: str, entry: _Table, name: str) -> str | None:
        value = entry.get(name)
        if value is None or (isinstance(value, str) and is_encodable(value) and not has_controls(value)):
            return value
        self.note(f"{key}.{name}", "a text is expected")
        return None

    def _where(self, key: str) -> str:
        return f"{self.filename}{self._places.of(key)}: {key}" if key else self.filename

    def _placed(self, problem: PolicyError, key: str) -> PolicyError:
        """A problem of the entry at a key with its place, which is not sought before there is one."""
        if problem.where is None or not problem.where.startswith(key):  # of another file
            return problem
        return PolicyError(problem.what, where=self._where(problem.where), hint=problem.hint)


def _repository(system: str, url: str, ref: str, where: str, *, is_editable: bool) -> Origin:
    address = url if url.startswith(f"{system}+") else f"{system}+{url}"
    if "://" not in address:  # a folder on the machine that locked it
        refuse_variables(address, where)
        return repository(system, None, ref, where, is_editable=is_editable)
    before, _, fragment = address.partition("#")
    pinned = f"{before}@{ref}#{fragment}" if ref and not before.endswith(f"@{ref}") else address
    return parse_reference(pinned, where, is_editable=is_editable).origin


def _decoded(text: str, filename: str, places: JsonPlaces) -> _Table:
    tables = itertools.count()

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if next(tables) > _MOST_TABLES:
            raise PolicyError("too many entries for a lock", where=filename, hint=_HINT)
        table: dict[str, object] = {}
        for name, value in pairs:
            if name in table:
                where = f"{filename}{places.of_first_repeated()}"
                raise PolicyError(f"the key is there twice: `{shown(name)}`", where=where, hint=_HINT)
            table[name] = value
        return table

    if len(text) > _LONGEST:
        raise PolicyError(f"too large for a lock: over {_LONGEST >> 20} MiB", where=filename, hint=_HINT)
    try:
        content = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=once)
    except json.JSONDecodeError as error:
        where = f"{filename}:{error.lineno}:{error.colno}"
        raise PolicyError(f"not JSON: {shown(error.msg)}", where=where, hint=_HINT) from error
    except RecursionError as error:
        raise PolicyError("nested too deeply for a lock", where=filename, hint=_HINT) from error
    except ValueError as error:  # numbers that are too long to be any
        raise PolicyError(f"not JSON: {shown(str(error))}", where=filename, hint=_HINT) from error
    if not isinstance(content, dict):
        raise PolicyError("not a lock: keys and values are expected", where=filename, hint=_HINT)
    return cast("_Table", content)
