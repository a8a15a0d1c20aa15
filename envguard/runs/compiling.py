"""The policy of one environment, compiled for the guard that is put into it.

Rules
1. It is the policy by which ``check`` would judge, asked for in the same folder. A project's own lock is
   none: which lock that is depends on where one stands; ``--policy LOCK`` says it.
2. Whatever file decided is noted with its digest as it was before it was read, and the markers that are not
   there as absent: by these the guard sees that what it has is old.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from envguard.domain.binding import Machine
from envguard.domain.environment import Environment, EnvironmentRecord
from envguard.domain.facts import MachineFacts
from envguard.domain.policy import KnownPolicy
from envguard.errors import UnavailableError
from envguard.formats.compiled import BoundBy, Ground, compiled_lines
from envguard.formats.verdict_lines import whole
from envguard.guard.files import FILE_CAP
from envguard.inventory.files import place_shown_as
from envguard.inventory.freshness import is_git
from envguard.inventory.project import marker_places
from envguard.inventory.recorded import layout_of
from envguard.inventory.search_path import search_path_of
from envguard.runs.policies import Governing, choose_policy, is_file_reference
from envguard.runs.steps import naming_project

_CODE = (".py", ".pyc", ".so")
_SYSTEM_S = ("/proc/", "/sys/", "/usr/share/zoneinfo/")
_FOLDERS = ("site", "debian")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """How a person asked for a policy: what the choice depends on besides the environment."""

    named: str | None
    environ: Mapping[str, str]
    cwd: Path
    machine: Machine
    known: Mapping[str, KnownPolicy]
    kept_in: tuple[Path, ...]
    """The folders in which policies of a server are kept, by name."""
    uses: Path | None
    """The file in which the user's bindings are kept; None where nothing is kept."""


class Compiled(msgspec.Struct, frozen=True):
    """A policy as the guard reads it."""

    name: str
    source: str
    """Why it is this policy."""
    content: bytes


def compile_policy(
    environment: Environment, facts: MachineFacts, asked: Asked, now: datetime
) -> Compiled | None:
    """Answer the policy of an environment for its guard; None where only its project's lock would judge.

    Raises as :func:`choose_policy`, and UnavailableError where it is too long for the guard.
    """
    markers = {path: _digest(path) for path in _markers(environment.record, asked)}
    opened: dict[str, str] = {}
    with _noting(opened):
        governing = choose_policy(
            asked.named,
            environment,
            environ=asked.environ,
            machine=asked.machine,
            known=asked.known,
            cwd=asked.cwd,
        )
    if governing.is_own_lock:
        return None
    policy = governing.policy
    if policy.folder is None:
        kept = (os.path.realpath(folder / f"{policy.policy.name}.json") for folder in asked.kept_in)
        opened.update((path, _digest(path)) for path in kept if Path(path).exists())
    ground = _ground(environment, asked, governing, now)
    if ground.bound_by == "named":
        there = {path: digest for path, digest in markers.items() if digest != "-"}
        ground = msgspec.structs.replace(ground, files=opened, markers=there)
    else:
        ground = msgspec.structs.replace(ground, files={**opened, **markers})
    content = whole(compiled_lines(policy, environment, facts, ground))
    if len(content) > FILE_CAP:
        raise UnavailableError(
            f"the policy is too long for the guard: over {FILE_CAP >> 20} MiB", where=policy.policy.name
        )
    return Compiled(policy.policy.name, governing.source, content)


def may_decide(path: str) -> bool:
    """Whether a file that is opened may say something of a policy; one that is absent could come."""
    if path.endswith(_CODE) or path.startswith(_SYSTEM_S):
        return False
    return Path(path).is_file() or not os.path.lexists(path)


def _ground(environment: Environment, asked: Asked, governing: Governing, now: datetime) -> Ground:
    layout = layout_of(environment.record)
    folders = search_path_of(layout, environment.snapshot.interpreter.version).folders
    bound_by, path = _bound_by(environment.record, asked)
    if governing.policy.folder is None:
        path = None
    return Ground(
        bound_by=bound_by,
        words="policy named at `envguard guard install`" if bound_by == "named" else governing.source,
        path=None if path is None else os.path.realpath(path),
        files={},
        sites=tuple(os.path.realpath(each.path) for each in folders if each.kind in _FOLDERS),
        is_conda_s=os.path.lexists(Path(layout.prefix) / "conda-meta"),
        at=now,
    )


def _bound_by(record: EnvironmentRecord, asked: Asked) -> tuple[BoundBy, Path | None]:
    """Why it is this policy, and its file where it is named as one."""
    named = asked.named or asked.environ.get("ENVGUARD_POLICY")
    if named:
        return "named", asked.cwd / named if is_file_reference(named) else None
    if record.use is not None:
        return "use", None
    project = naming_project(record, asked.cwd)
    if project is None or project.policy is None:
        return "applies-to", None
    path = Path(place_shown_as(project.path)) / project.policy
    source: BoundBy = "marker" if project == record.project else "here"
    return source, path if is_file_reference(project.policy) else None


def _markers(record: EnvironmentRecord, asked: Asked) -> Iterator[str]:
    """What may name a policy for the environment; of the folder in which one stands, what is there."""
    folder = str(Path(os.path.realpath(place_shown_as(record.path))).parent)
    yield from _marker_files(folder)
    if asked.uses is not None:
        yield os.path.realpath(asked.uses)
    yield from filter(os.path.lexists, _marker_files(os.path.realpath(asked.cwd)))


def _marker_files(folder: str) -> Iterator[str]:
    return (path for path in marker_places(folder) if not is_git(path))


def _digest(path: str) -> str:
    """The digest by which the guard knows a file again; ``-`` where there is none to read."""
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest() if Path(path).is_file() else "-"
    except OSError:
        return "-"


@contextmanager
def _noting(noted: dict[str, str]) -> Iterator[None]:
    """Note each file that is opened meanwhile, but Python's own and the system's."""
    note = _Note(noted)
    sys.addaudithook(note)
    try:
        yield
    finally:
        note.is_noting = False


class _Note:
    """An audit hook, which stays until the process ends: ``is_noting`` says whether it does anything."""

    def __init__(self, noted: dict[str, str]) -> None:
        self._noted = noted
        self.is_noting = True

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event != "open" or not self.is_noting or not isinstance(arguments[0], (str, os.PathLike)):
            return
        path = os.path.realpath(os.fspath(arguments[0]))
        if path in self._noted or not may_decide(path):
            return
        self.is_noting = False
        self._noted[path] = _digest(path)
        self.is_noting = True
