"""The mark of an environment in use: a lock that ends with the process, whatever ends it.

The file is nobody's: who may write the environment's folder makes it, the others open it where it is. It is
never removed, as a lock on a removed file binds nobody.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

NAME = ".envguard-lease"
"""The file in an environment's folder."""

_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_ALL = 0o666


def take_lease(prefix: str, *, is_inherited: bool = False) -> int | None:
    """Answer the open file whose lock marks the environment, until it is closed; None where none can be had.

    Where somebody holds it for himself alone, nobody waits: there is no lease.
    ``is_inherited``: it is kept by the program that takes this one's place.
    """
    place = os.path.join(prefix, NAME)
    descriptor = _opened(place, os.O_RDONLY | os.O_CREAT)
    if descriptor is None:
        descriptor = _opened(place, os.O_RDONLY)
    if descriptor is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    if is_inherited:
        os.set_inheritable(descriptor, True)
    return descriptor


def give_back(lease: int) -> None:
    """End a lease for all processes that hold the same open file."""
    with suppress(OSError):
        fcntl.flock(lease, fcntl.LOCK_UN)
    os.close(lease)


def _opened(place: str, flags: int) -> int | None:
    try:
        return os.open(place, flags | _FLAGS, _ALL)
    except OSError:
        return None
