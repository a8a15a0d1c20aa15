"""The interpreters that a machine has for everybody, and what people installed for themselves beside them."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import msgspec

from envguard.inventory.discovery.registries.interface import Candidate, names_in
from envguard.inventory.executable import build_named
from envguard.inventory.files import owner_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from envguard.inventory.discovery.people import Person
    from envguard.inventory.discovery.registries.interface import Guide

_INTERPRETER = re.compile(r"(?:python|pypy)(?:\d(?:\.\d+t?)?)?")
_FRAMEWORKS = ("Library", "Frameworks", "Python.framework", "Versions")


class UserSite(msgspec.Struct, frozen=True):
    """What somebody installed with ``pip install --user``."""

    path: str
    library: str
    """Of which Python, by the name of its library folder: ``python3.11``."""


def interpreters(root: str, guide: Guide) -> Iterator[Candidate]:
    """Yield what lies where systems keep their own Pythons; one may come by several names."""
    for folder in _folders(root, guide):
        for name in names_in(folder, guide):
            if _INTERPRETER.fullmatch(name):
                yield Candidate(os.path.join(folder, name))


def user_sites(person: Person, guide: Guide) -> Iterator[UserSite]:
    """Yield the folders in which somebody has packages of his own, for whichever Python.

    As in ``site``, a folder counts only if it belongs to who would use it.
    """
    libraries = os.path.join(person.home, ".local", "lib")
    for library in names_in(libraries, guide):
        site = os.path.join(libraries, library, "site-packages")
        if build_named(library) and names_in(site, guide) and owner_of(site) == person.uid:
            yield UserSite(site, library)


def _folders(root: str, guide: Guide) -> Iterator[str]:
    yield os.path.join(root, "usr", "bin")
    yield os.path.join(root, "usr", "local", "bin")
    frameworks = os.path.join(root, *_FRAMEWORKS)
    for version in names_in(frameworks, guide):
        yield os.path.join(frameworks, version, "bin")
    if sys.platform == "darwin":
        yield os.path.join(root, "opt", "homebrew", "bin")
