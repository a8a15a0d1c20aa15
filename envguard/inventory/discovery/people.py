"""Whose environments a scan looks for.

Rules
1. Who runs the scan; for the superuser, root and all people with a home.
2. Environment variables are those of who runs the scan: for other people a tool's defaults count.
3. A home that is absent is nobody's to look at; one of which nobody can tell counts, so that it is told.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import msgspec

from envguard.inventory.files import is_absent, owner_of
from envguard.inventory.search_path import home_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PEOPLE_SINCE_UID = 1000
_NOBODY_UID = 65534


class Person(msgspec.Struct, frozen=True):
    """Somebody who may have environments."""

    uid: int
    home: str
    environ: Mapping[str, str] = {}
    """What is known of the variables by which tools are told where to keep things."""

    def folder(self, variable: str, *default: str) -> str:
        """Answer the folder that a variable names; else the default, given by its parts below the home."""
        told = self.environ.get(variable)
        return told if told and os.path.isabs(told) else os.path.join(self.home, *default)

    def data(self, *parts: str) -> str:
        """Answer a place below the folder for what applications keep (``XDG_DATA_HOME``)."""
        return os.path.join(self.folder("XDG_DATA_HOME", ".local", "share"), *parts)

    def config(self, *parts: str) -> str:
        """Answer a place below the folder for settings (``XDG_CONFIG_HOME``)."""
        return os.path.join(self.folder("XDG_CONFIG_HOME", ".config"), *parts)


def people_to_scan(
    environ: Mapping[str, str], is_there: Callable[[str], bool] | None = None
) -> tuple[Person, ...]:
    """Answer who runs this, with these variables; for the superuser, then everybody else.

    ``is_there`` tells whether a home exists, if not :func:`is_home`.
    """
    import pwd

    mine = _me(environ)
    by_home = {one.home: one for one in mine}
    # An ordinary user is spared the list of all: where a directory service keeps it, it may be long.
    for user in pwd.getpwall() if os.geteuid() == 0 else ():
        if _PEOPLE_SINCE_UID <= user.pw_uid != _NOBODY_UID:
            by_home.setdefault(user.pw_dir, Person(user.pw_uid, user.pw_dir))
    counts = is_there or is_home
    return tuple(one for one in by_home.values() if one.home != os.sep and counts(one.home))


def is_home(folder: str) -> bool:
    """Whether a home is there, or may be: something else than its absence keeps us from looking."""
    try:
        return stat.S_ISDIR(os.stat(folder).st_mode)
    except OSError as error:
        return not is_absent(error)


def people_around(folder: str, environ: Mapping[str, str]) -> tuple[Person, ...]:
    """Answer who runs this, with these variables, and the owner of the folder."""
    owner = owner_of(folder)
    home = home_of(owner) if owner is not None and owner != os.geteuid() else None
    return (*_me(environ), *([Person(owner, home)] if owner is not None and home is not None else []))


def _me(environ: Mapping[str, str]) -> tuple[Person, ...]:
    """Who runs this, once for each home: ``HOME`` counts if it is one's own; after ``sudo`` it may not be."""
    uid = os.geteuid()
    told = environ.get("HOME", "")
    is_mine = os.path.isabs(told) and _owns(uid, told)
    homes = [os.path.normpath(told) if is_mine else None, home_of(uid)]
    return tuple(Person(uid, home, environ) for home in dict.fromkeys(homes) if home is not None)


def _owns(uid: int, home: str) -> bool:
    """Whether a home is this user's; of one that cannot be looked at its link tells."""
    try:
        return os.stat(home).st_uid == uid
    except OSError:
        return os.path.lexists(home) and os.lstat(home).st_uid == uid
