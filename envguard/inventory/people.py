"""Whose environments a scan looks for.

Rules
1. Who runs the scan; for the superuser, root and all people with a home.
2. Environment variables are those of who runs the scan: for other people a tool's defaults count.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def people_to_scan(environ: Mapping[str, str]) -> tuple[Person, ...]:
    """Answer who runs this, with these variables; for the superuser, then everybody else.

    ``HOME`` counts if it is one's own: after ``sudo`` it may be another's.
    """
    import pwd

    uid = os.geteuid()
    told = environ.get("HOME", "")
    users = pwd.getpwall()
    homes = [user.pw_dir for user in users if user.pw_uid == uid]
    if os.path.isabs(told) and _owner_of(told) == uid:
        homes.insert(0, os.path.normpath(told))
    by_home = {home: Person(uid, home, environ) for home in homes}
    for user in users if uid == 0 else ():
        if _PEOPLE_SINCE_UID <= user.pw_uid != _NOBODY_UID:
            by_home.setdefault(user.pw_dir, Person(user.pw_uid, user.pw_dir))
    return tuple(one for one in by_home.values() if one.home != os.sep and os.path.isdir(one.home))


def _owner_of(folder: str) -> int | None:
    try:
        return os.stat(folder).st_uid
    except OSError:
        return None


def people_around(folder: str, environ: Mapping[str, str]) -> tuple[Person, ...]:
    """Answer who runs this, with these variables, and the owner of the folder."""
    import pwd

    me = people_to_scan(environ)[:1]
    try:
        owner = pwd.getpwuid(os.stat(folder).st_uid)
    except (KeyError, OSError):
        return me
    return me if me and me[0].uid == owner.pw_uid else (*me, Person(owner.pw_uid, owner.pw_dir))
