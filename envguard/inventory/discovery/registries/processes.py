"""The environments of the Pythons that run just now.

Rules
1. The executable of an environment made with links is its base's: it tells nothing. ``argv[0]``, resolved
   through the process's own folder and ``PATH``, does, if it leads to the executable that runs.
2. Compiled modules that are mapped from a ``site-packages`` tell the environment that holds it.
3. ``VIRTUAL_ENV`` is inherited by everything that a shell starts: it is no evidence.
4. Processes of containers (another mount namespace, another root) are the container's: their paths mean
   other files here. So is a process that does not let itself be looked into; of an ordinary user's, most are.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

import msgspec

from envguard.inventory.discovery.registries.interface import Candidate
from envguard.inventory.files import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import psutil

    from envguard.inventory.discovery.registries.interface import Guide

_PROC = "/proc"
_MAPS_CAP_BYTES = 16 * 1024 * 1024
_GONE = " (deleted)"
_INTERPRETER = re.compile(r"(?:python|pypy)[\d.]*t?[dm]*", re.IGNORECASE)
_MAPPED = re.compile(
    rb"^\S+ \S+ \S+ \S+ \S+ +(/[^\n]*?)/lib(?:64)?/(?:python|pypy)\d[^/\n]*/site-packages/[^\n]*\.so[^/\n]*$",
    re.MULTILINE,
)


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A process, as far as it tells which Python it is."""

    executable: str
    command: str
    """``argv[0]``."""
    folder: str
    """Its working directory."""
    path: str
    """Its ``PATH``; empty where nobody needs it."""
    mapped: tuple[str, ...] = ()
    """The prefixes of whose site-packages it has loaded compiled modules."""


def running() -> Iterator[Running]:
    """Yield the processes of this machine that we may look into, and that are no container's."""
    import psutil

    ours = _space_of("self")
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if _space_of(str(process.pid)) == ours:
                yield _look(process)


def candidates_of(processes: Iterable[Running], guide: Guide) -> Iterator[Candidate]:
    """Yield the environments that processes run in; each path once."""
    paths = (path for process in processes for path in _paths_of(process, guide))
    for path in dict.fromkeys(paths):
        yield Candidate(path)


def prefixes_mapped(maps: bytes) -> tuple[str, ...]:
    """Answer the prefixes whose compiled modules a text of ``/proc/PID/maps`` names, sorted."""
    return tuple(sorted({os.fsdecode(match[1]) for match in _MAPPED.finditer(maps)}))


def _paths_of(process: Running, guide: Guide) -> Iterator[str]:
    executable = process.executable.removesuffix(_GONE)
    if _INTERPRETER.fullmatch(os.path.basename(executable)):
        started = _resolved(process, guide)
        # A title that a process gave itself leads nowhere, or elsewhere.
        is_true = started is not None and guide.may_ask(executable) and _is_same(started, executable)
        yield started if started is not None and is_true else executable
    yield from process.mapped


def _resolved(process: Running, guide: Guide) -> str | None:
    """The path that the shell found when it started this; None where it cannot be asked for."""
    command = process.command
    if os.sep in command:
        started = os.path.normpath(os.path.join(process.folder, command))
        return started if guide.may_ask(started) else None
    folders = [os.path.join(process.folder, folder) for folder in process.path.split(os.pathsep)]
    places = (os.path.join(folder, command) for folder in folders if command)
    return next((place for place in places if guide.may_ask(place) and _is_executable(place)), None)


def _is_executable(path: str) -> bool:
    return os.access(path, os.X_OK) and os.path.isfile(path)


def _is_same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _look(process: psutil.Process) -> Running:
    command = (process.cmdline() or [""])[0]
    return Running(
        executable=process.exe(),
        command=command,
        folder=process.cwd(),
        path="" if os.sep in command else process.environ().get("PATH", os.defpath),
        mapped=prefixes_mapped(_maps_of(process.pid)),
    )


def _space_of(pid: str) -> tuple[str, str] | None:
    """Mount namespace and root of a process; None where the system has no such thing.

    Raises PermissionError for a process that is none of our business.
    """
    if not os.path.isdir(os.path.join(_PROC, "self", "ns")):
        return None
    folder = os.path.join(_PROC, pid)
    return os.readlink(os.path.join(folder, "ns", "mnt")), os.readlink(os.path.join(folder, "root"))


def _maps_of(pid: int) -> bytes:
    try:
        return Reader(0).read_head(os.path.join(_PROC, str(pid), "maps"), cap_bytes=_MAPS_CAP_BYTES)
    except OSError:
        return b""
