"""What a user of this machine may read, by owners and modes: the agent answers nobody about more.

Rules
1. The owner's bits decide for the owner, the group's for its members, the others' for everybody else, as in
   the kernel. The superuser may read all.
2. To read an environment is to enter every folder on the way to it, and to list it (or to read it, where it
   is a file: a system's interpreter).
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Callable

import msgspec

_READ, _SEARCH = 4, 1


class Peer(msgspec.Struct, frozen=True):
    """Who asks."""

    uid: int
    gid: int


def may_read(peer: Peer, path: str) -> bool:
    """Whether a user may read what lies at a path without links; False where nothing does."""
    if peer.uid == 0:
        return True
    groups = _groups_of(peer)
    return _is_reached(path, lambda status, wanted: _grants(status, peer, groups, wanted))


def is_open_to_all(path: str) -> bool:
    """Whether every user of this machine may read what lies at a path without links, in whatever group."""
    return _is_reached(path, lambda status, wanted: status.st_mode & (status.st_mode >> 3) & wanted == wanted)


def owner_of(path: str) -> int | None:
    """Answer who owns what lies at a path; None where nothing does, or a link."""
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        return None
    return None if stat.S_ISLNK(status.st_mode) else status.st_uid


def _is_reached(path: str, grants: Callable[[os.stat_result, int], bool]) -> bool:
    try:
        way = [os.lstat(folder) for folder in _above(path)]
        found = os.lstat(path)
    except (OSError, ValueError):
        return False
    is_folder = stat.S_ISDIR(found.st_mode)
    if not is_folder and not stat.S_ISREG(found.st_mode):
        return False
    is_passable = all(stat.S_ISDIR(each.st_mode) and grants(each, _SEARCH) for each in way)
    return is_passable and grants(found, _READ | _SEARCH if is_folder else _READ)


def _above(path: str) -> list[str]:
    """The folders on the way to a whole path, itself left out."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:count]) or "/" for count in range(1, len(parts) + 1)]


def _grants(status: os.stat_result, peer: Peer, groups: frozenset[int], wanted: int) -> bool:
    shift = 6 if status.st_uid == peer.uid else 3 if status.st_gid in groups else 0
    return (status.st_mode >> shift) & wanted == wanted


def _groups_of(peer: Peer) -> frozenset[int]:
    try:
        name = pwd.getpwuid(peer.uid).pw_name
    except KeyError:
        return frozenset({peer.gid})
    return frozenset(os.getgrouplist(name, peer.gid))
