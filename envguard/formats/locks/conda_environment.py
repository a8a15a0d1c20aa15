"""``environment.yml``, as ``conda env export`` writes it and as people do, as a lock.

Rules ("MatchSpec", conda)
1. ``name=version=build`` and ``name==version`` are exact. ``name=version`` is what conda makes of it: that
   version, or one that goes on behind it (``1.26`` takes ``1.26.4``); ranges are ranges. A version that is
   not PEP 440 (``3.0.2h``) is an exact text.
2. A name alone is no pin, save ``pip``: it only says that there is pip.
3. The list below ``pip:`` is read as a requirements file, with all that it names.
4. ``name``, ``prefix``, ``channels`` and ``variables`` say where an environment is made and from what, not
   what is in it.
"""

from __future__ import annotations

import re

import msgspec

from envguard.domain.environment import Digest
from envguard.domain.locks.lock import Lock, LockedPackage
from envguard.domain.versions import is_specifier
from envguard.errors import PolicyError
from envguard.formats.companions import Companions
from envguard.formats.files import shown
from envguard.formats.locks.lines import logical_lines
from envguard.formats.locks.requirement import LONGEST_VERSION
from envguard.formats.locks.requirements import Requirements
from envguard.formats.locks.yaml_tree import Items, Node, Problems, Table, Text, read_tree

_HINT = "`conda env export` writes one with every version"
_KNOWN = frozenset(("name", "channels", "dependencies", "prefix", "variables", "category", "platforms"))
_LONGEST = 2_000
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,198}")
_VERSION = re.compile(r"[A-Za-z0-9_.!+-]+")
_BUILD = re.compile(r"[A-Za-z0-9_.+*-]+")
_BLANKS_THAT_SAY_NOTHING = re.compile(r"(?<=[,<>=!~])[ \t]+|[ \t]+(?=[,<>=!~])")
_RANGE = re.compile(r"(?:(?:[<>]=?|!=|~=|==)[A-Za-z0-9_.!+*-]+,)*(?:[<>]=?|!=|~=|==)[A-Za-z0-9_.!+*-]+")


def parse_conda_environment(text: str, filename: str, companions: Companions) -> Lock:
    """Answer the lock that an ``environment.yml`` says; raises PolicyError with every wrong dependency."""
    read = _Environment(Problems(filename, _HINT), Requirements(companions))
    root = read_tree(text, read.problems)
    read.add_all(root)
    return Lock(packages=read.packages(root), digest=read.digest(text))


class _Environment:
    """What the file says."""

    def __init__(self, problems: Problems, requirements: Requirements) -> None:
        self.problems = problems
        self._requirements = requirements
        self._packages: dict[str, LockedPackage] = {}

    def add_all(self, root: Table) -> None:
        """Take in the dependencies, conda's and pip's."""
        for key in root.entries:
            if key not in _KNOWN:
                self.problems.note(root.entries[key], key, f"unknown key: `{shown(key)}`", "take it out")
        if "dependencies" not in root.entries:
            self.problems.note(root, "dependencies", "the key is missing")
        for key, item in self.problems.items(root, "dependencies", ""):
            if isinstance(item, Text) and item.text is not None:
                self._add(item, key, item.text.strip())
            elif isinstance(item, Table) and list(item.entries) == ["pip"]:
                self._add_pip(item, key)
            else:
                self.problems.note(item, key, "a dependency, or a list below `pip:`, is expected")

    def packages(self, root: Table) -> tuple[LockedPackage, ...]:
        """Answer all entries; raises what is wrong with them."""
        of_pip = self._requirements.packages()
        for problem in self._requirements.problems:
            self.problems.keep(problem)
        if not self._packages and not of_pip and not self.problems.found:
            self.problems.note(root, "dependencies", "the lock pins nothing")
        self.problems.raise_all()
        return (*self._packages.values(), *of_pip)

    def digest(self, text: str) -> Digest:
        """Answer the digest of the text and of the files that it names."""
        return self._requirements.digest(text)

    def _add(self, item: Node, key: str, spec: str) -> None:
        try:
            package = parse_spec(spec, self.problems.where(item, key))
        except PolicyError as problem:
            self.problems.keep(problem)
            return
        if package is None:
            return
        known = self._packages.setdefault(package.name, package)
        if known != package:
            self.problems.note(item, key, f"`{package.name}` is named twice", "keep one of the two")

    def _add_pip(self, item: Table, key: str) -> None:
        below = item.entries["pip"]
        if not isinstance(below, Items) and not (isinstance(below, Text) and below.text is None):
            self.problems.note(below, f"{key}.pip", "a list is expected")
            return
        for path, each in self.problems.items(item, "pip", key):
            if not isinstance(each, Text) or each.text is None:
                self.problems.note(each, path, "a requirement is expected")
                continue
            for line in logical_lines(each.text):
                self._requirements.add_line(line, self.problems.filename, self.problems.where(each, path))


def parse_spec(spec: str, where: str) -> LockedPackage | None:
    """Answer the entry that a dependency of conda's says; None for a bare ``pip``.

    Raises PolicyError where it is none, or no pin.
    """
    if len(spec) > _LONGEST:
        raise PolicyError(f"not a dependency of conda's: `{shown(spec)}`", where=where, hint=_HINT)
    name, rest = _name_and_rest(spec.partition("::")[2] or spec)
    if _NAME.fullmatch(name) is None or "[" in rest:
        what = f"not a dependency of conda's that a lock can have: `{shown(spec)}`"
        raise PolicyError(what, where=where, hint="numpy=1.26.4=py311h64a7726_0, or numpy=1.26.4")
    if not rest or rest == "*":
        if name.lower() == "pip":
            return None
        raise PolicyError(f"not a pin: `{shown(spec)}`", where=where, hint=f"{name}=VERSION: {_HINT}")
    package = LockedPackage(name.lower(), ecosystem="conda")
    told = _exact(rest) or _started(rest) or _ranged(rest)
    if told is None or any(len(part) > LONGEST_VERSION for part in told if part):
        hint = "one version, or a range without `|`: numpy>=1.26,<2"
        raise PolicyError(f"not a version that can be judged: `{shown(spec)}`", where=where, hint=hint)
    version, specifier, build = told
    return msgspec.structs.replace(package, version=version, specifier=specifier, build=build)


_Told = tuple[str | None, str | None, str | None]
"""A version, what is asked of it, and a build."""


def _name_and_rest(spec: str) -> tuple[str, str]:
    """Answer the name, and what is asked of it, without blanks: ``1.26 py311_0`` is ``=1.26=py311_0``."""
    for position, character in enumerate(spec):
        if character in "=<>!~[ \t":
            name, rest = spec[:position], spec[position:].strip()
            break
    else:
        return spec, ""
    words = rest.split()
    if len(words) == 2 and _VERSION.fullmatch(words[0]) and _BUILD.fullmatch(words[1]):
        return name, f"={words[0]}={words[1]}"
    rest = _BLANKS_THAT_SAY_NOTHING.sub("", rest)
    return name, f"=={rest}" if rest[:1].isalnum() else rest


def _exact(rest: str) -> _Told | None:
    """``==version``, or ``=version=build``."""
    version, has_build, build = rest.lstrip("=").partition("=")
    if not rest.startswith("=") or _VERSION.fullmatch(version) is None:
        return None
    if has_build:
        return (version, None, None if build == "*" else build) if _BUILD.fullmatch(build) else None
    return (version, None, None) if rest.startswith("==") else None


def _started(rest: str) -> _Told | None:
    """``=version``, or ``=version.*``, or ``==version.*``: that one, or one that goes on behind it."""
    version = rest.lstrip("=").removesuffix(".*").removesuffix("*")
    if not rest.startswith("=") or _VERSION.fullmatch(version) is None:
        return None
    specifier = f"=={version}.*"
    if is_specifier(specifier):
        return None, specifier, None
    return None if rest.endswith("*") else (version, None, None)


def _ranged(rest: str) -> _Told | None:
    return (None, rest, None) if _RANGE.fullmatch(rest) and is_specifier(rest) else None
