"""The lease: an upgrade waits while somebody holds it."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

_leases = {}  # type: Dict[str, int]
"""The descriptors that hold an environment's lease, by its prefix: open until this process ends."""


def hold_lease(prefix):
    # type: (str) -> None
    """Mark the environment as in use until this process ends; where that cannot be, it is not.

    A whole Python, from which environments are made, is not: nothing upgrades it, and nobody gave it to us.
    """
    if prefix in _leases or not _is_made_from_another(prefix):
        return
    path = os.path.join(prefix, ".envguard-lease")
    extra = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
    for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
        try:
            descriptor = os.open(path, flags | extra, 0o666)
        except OSError:
            continue
        if _is_locked(descriptor):
            _leases[prefix] = descriptor
        else:
            os.close(descriptor)
        return


def _is_made_from_another(prefix):
    # type: (str) -> bool
    of_old_virtualenv = "lib/python%d.%d/orig-prefix.txt" % sys.version_info[:2]
    marks = ("pyvenv.cfg", "conda-meta", of_old_virtualenv)
    return any(os.path.lexists(os.path.join(prefix, mark)) for mark in marks)


def _is_locked(descriptor):
    # type: (int) -> bool
    try:
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (ImportError, OSError, IOError):
        return False
    return True
