"""A policy for what an environment contains: which files it takes, so that ``check`` is compliant then.

Rules
1. Where the project has a lock and the environment matches it, the policy names that lock; else a lock of the
   environment is written beside the policy.
2. The project's marker names the policy. An environment that no project holds gets one beside it, unless
   other environments lie there, or it is nobody's project: then there is none, and that is said.
3. Nothing is answered that would not judge the environment as compliant: it is judged before.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from envguard.domain.environment import NEVER_MEANT_BY_STAR, Environment, EnvironmentRecord
from envguard.domain.facts import MachineFacts
from envguard.domain.frozen import Frozen, frozen
from envguard.domain.locks.lock import LeftOut, LockChoice
from envguard.domain.verdict import Verdict
from envguard.errors import InventoryError, PolicyError, UsageError
from envguard.formats import is_lock_name, is_policy_name, project_lock
from envguard.formats.companions import FolderFiles
from envguard.formats.files import read_text
from envguard.formats.locks.write_pins import write_conda_environment, write_requirements
from envguard.formats.marker import with_marker
from envguard.formats.names import policy_name_from
from envguard.formats.source import judging_policy
from envguard.formats.templates import policy_for_environment
from envguard.inventory.files import place_shown_as
from envguard.inventory.project import MARKER
from envguard.runs.comparing import Comparisons
from envguard.runs.judging import broken_marker, judge_environment
from envguard.runs.steps import projects_here

Role = Literal["policy", "lock", "marker"]
"""What a file is for."""

_PYPROJECT = "pyproject.toml"
_CONDA_S_FOLDER = "envs"
"""Where conda makes environments by name, for any project."""
_POLICY_SUFFIXES = (".yaml", ".yml")
_UNMARKABLE = frozenset('"\\')
_CHOICES = (LockChoice(), LockChoice(groups=()))
"""How a project's own lock may have been installed: as usual, or without its default groups."""
_LOOKED_AT_MOST = 1_000
"""Entries of a folder that are looked at for other environments."""


class FoundedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file to write."""

    path: Path
    role: Role
    text: str
    before: str | None = None
    """What it says now; None: it is new."""


class Founded(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that an environment meets."""

    name: str
    files: tuple[FoundedFile, ...]
    lock: str | None
    """The lock that it names, relative to its own folder."""
    marker: Path | None
    """The file that names it; None where nothing does."""
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a policy goes."""

    name: str
    path: Path
    folder: Path
    """The project's."""
    marker: Path | None
    """The file that is to name it; None where there can be none."""
    is_marked: bool
    """The marker names it already."""
    project: str | None = None
    """The normalised name of the project itself, which is left out."""


class _Lock(msgspec.Struct, frozen=True):
    """What the policy locks, and what is to be written for it."""

    filename: str | None
    text: str | None = None
    choice: LockChoice = LockChoice()
    frozen: Frozen = Frozen((), (), ())


def place_for(
    record: EnvironmentRecord,
    *,
    name: str | None,
    output: Path | None,
    cwd: Path,
    known: Mapping[str, object],
) -> Place:
    """Answer where the policy of an environment goes; ``known`` are the team's policies by name.

    Raises UsageError where it has one already, or cannot be called so.
    """
    folder, marker = _project_folder(record, cwd)
    own = _project_name(record, cwd, is_here=marker is None)
    called, path = named_file(name, own or folder.name, output, folder)
    if called in known:
        what = f"the team has a policy `{called}` already, which would judge instead"
        raise UsageError(what, where="NAME", hint=f"another name; or bind to it: envguard use {called}")
    if marker is not None:
        _check_markable(_relative(path, folder), marker)
    named = record.project.policy if record.project is not None else None
    if named is not None and named != _relative(path, folder):
        where = str(record.project.marker_place) if record.project is not None else None
        what = f"the project has a policy already: `{named}`"
        raise UsageError(what, where=where, hint="envguard check; or take the marker out first")
    return Place(
        name=called, path=path, folder=folder, marker=marker, is_marked=named is not None, project=own
    )


def named_file(name: str | None, like: str, output: Path | None, folder: Path) -> tuple[str, Path]:
    """Answer what a policy is called, and its file: one of ``folder`` where there is no ``output``.

    Without a ``name`` one is made of ``like``. Raises UsageError where it would not be read as a policy.
    """
    called = name or policy_name_from(like)
    if not is_policy_name(called) or called.endswith(_POLICY_SUFFIXES) or is_lock_name(called):
        hint = f"such as {policy_name_from(called.removesuffix('.yaml').removesuffix('.yml'))}"
        raise UsageError(f"not a policy's name: `{called}`", where="NAME", hint=hint)
    path = output if output is not None else folder / _filename(called)
    is_readable = path.name.isprintable() and path.name.endswith(_POLICY_SUFFIXES)
    if not is_readable or is_lock_name(path.name):
        what = f"not the name of a policy's file: {path.name}"
        raise UsageError(what, where="--output", hint="NAME.yaml")
    return called, path


def found(
    environment: Environment, facts: MachineFacts, place: Place, *, machine: str, now: datetime
) -> Founded:
    """Answer the policy, its lock and its marker.

    Raises InventoryError where the environment cannot be read as a whole, PolicyError where no policy could
    be met.
    """
    record = environment.record
    broken = broken_marker(environment)
    if broken is not None:
        raise PolicyError(broken, where=record.path)
    judge = _Judge(environment, facts, place, machine, now)
    notes: list[str] = []
    lock = _own_lock(judge, place, notes)
    if lock is None:
        lock = _written_lock(environment, place)
        verdict = judge.verdict(lock)
        if verdict.verdict != "compliant":
            raise _unmet(verdict, record)
    return Founded(
        name=place.name,
        files=tuple(_files(judge.text(lock), lock, place)),
        lock=lock.filename,
        marker=place.marker,
        left_out=lock.frozen.left_out,
        notes=tuple(notes),
    )


def _filename(name: str) -> str:
    """The file of a policy of this name; one that would be read as a lock is called otherwise."""
    return f"{name}.yaml" if not is_lock_name(f"{name}.yaml") else "policy.yaml"


def _check_markable(policy: str, marker: Path) -> None:
    """Raise UsageError where the marker would not be read as this path: there are no escapes in it."""
    if not policy.isprintable() or (marker.name == MARKER and not _UNMARKABLE.isdisjoint(policy)):
        what = f"no {marker.name} can name such a path: {policy}"
        raise UsageError(
            what, where="--output", hint="a path without quotes, backslashes, control characters"
        )


class _Judge:
    """Judges the environment by a policy whose files are not written yet."""

    def __init__(
        self, environment: Environment, facts: MachineFacts, place: Place, machine: str, now: datetime
    ) -> None:
        self._environment = environment
        self._facts = facts
        self._place = place
        self._machine = machine
        self._now = now

    def text(self, lock: _Lock) -> str:
        """Answer the policy's text."""
        interpreter = self._environment.snapshot.interpreter
        path, rules = self._place.path, lock.frozen.rules
        return policy_for_environment(
            self._place.name, path.name, interpreter, lock.filename, lock.choice, rules
        )

    def verdict(self, lock: _Lock) -> Verdict:
        """Answer what the policy would say. Raises PolicyError."""
        planned = {lock.filename: lock.text} if lock.filename is not None and lock.text is not None else {}
        path = self._place.path
        governing = judging_policy(self.text(lock), path.name, _Planned(path.parent, planned))
        governing = msgspec.structs.replace(governing, folder=str(path.parent.absolute()))
        ruled = judge_environment(
            self._environment,
            self._facts,
            governing,
            machine=self._machine,
            now=self._now,
            comparisons=Comparisons(),
            used_for=() if self._place.project is None else (self._place.project,),
        )
        return ruled.verdict


class _Planned(FolderFiles):
    """The files of a folder, and those that will be there."""

    def __init__(self, folder: Path, planned: Mapping[str, str]) -> None:
        super().__init__(folder)
        self.texts.update(planned)


def _project_folder(record: EnvironmentRecord, cwd: Path) -> tuple[Path, Path | None]:
    """The project's folder, and the file in it that is to name the policy."""
    if record.project is not None:
        folder = Path(place_shown_as(record.project.path))
        return folder, folder / (MARKER if (folder / MARKER).exists() else _PYPROJECT)
    prefix = Path(place_shown_as(record.path))
    parent = prefix.parent
    if (
        record.kind in NEVER_MEANT_BY_STAR
        or record.kind == "pyenv"
        or (record.kind == "conda" and parent.name == _CONDA_S_FOLDER)
        or not _may_be_a_project(parent, prefix, record)
    ):
        return cwd, None
    return parent, parent / MARKER


def _project_name(record: EnvironmentRecord, cwd: Path, *, is_here: bool) -> str | None:
    """The project's name; of an environment that lies in none, that of the folder one stands in."""
    if record.project is not None:
        return record.project.name
    return next(iter(projects_here(record, cwd)), None) if is_here else None


def _may_be_a_project(parent: Path, prefix: Path, record: EnvironmentRecord) -> bool:
    """Whether a marker there would mean this environment only, and be looked at: a home's is not."""
    if record.home is not None and os.path.realpath(record.home) == os.path.realpath(parent):
        return False
    try:
        found = [entry for _, entry in zip(range(_LOOKED_AT_MOST), parent.iterdir(), strict=False)]
    except OSError:
        return False
    marks = (entry / name for entry in found if entry != prefix for name in ("pyvenv.cfg", "conda-meta"))
    return not any(map(os.path.lexists, marks))


def _own_lock(judge: _Judge, place: Place, notes: list[str]) -> _Lock | None:
    """The project's own lock, where the environment matches it; what is against it is noted."""
    try:
        own = project_lock(place.folder)
    except PolicyError as error:
        notes.append(f"the project's own lock cannot be used: {error}")
        return None
    if own is None:
        return None
    filename = _relative(own[0], place.path.parent)
    unmet: list[Verdict] = []
    for choice in _CHOICES:
        lock = _Lock(filename, choice=choice)
        verdict = judge.verdict(lock)
        if verdict.verdict == "compliant":
            return lock
        unmet.append(verdict)
    count = sum(finding.severity == "error" for finding in unmet[0].findings)
    notes.append(f"{own[0].name} is not what is installed ({count} errors): the policy has a lock of its own")
    return None


def _written_lock(environment: Environment, place: Place) -> _Lock:
    found_there = frozen(environment.snapshot, place.project)
    if not found_there.pinned:
        return _Lock(None, frozen=found_there)
    stem = place.path.name.rpartition(".")[0]
    if found_there.is_conda_s:
        text = write_conda_environment(found_there, place.name)
        return _Lock(f"{stem}.environment.yml", text, frozen=found_there)
    return _Lock(f"{stem}.requirements.txt", write_requirements(found_there), frozen=found_there)


def _files(text: str, lock: _Lock, place: Place) -> Iterator[FoundedFile]:
    yield FoundedFile(path=place.path, role="policy", text=text)
    if lock.filename is not None and lock.text is not None:
        yield FoundedFile(path=place.path.parent / lock.filename, role="lock", text=lock.text)
    if place.marker is not None and not place.is_marked:
        yield _marker(place.marker, _relative(place.path, place.folder))


def _marker(path: Path, policy: str) -> FoundedFile:
    if path.name == MARKER:
        return FoundedFile(path=path, role="marker", text=f'policy: "{policy}"\n')
    try:
        before = path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        before = read_text(path, "project")  # which says what is wrong with it
    return FoundedFile(
        path=path, role="marker", text=with_marker(before, policy, where=str(path)), before=before
    )


def _relative(path: Path, folder: Path) -> str:
    real = os.path.realpath(path.parent)
    return posixpath.join(os.path.relpath(real, os.path.realpath(folder)), path.name).removeprefix("./")


def _unmet(verdict: Verdict, record: EnvironmentRecord) -> InventoryError | PolicyError:
    unreadable = [finding for finding in verdict.findings if finding.kind == "unreadable"]
    if unreadable:
        told = "; ".join(f"{each.package or 'environment'}: {each.reason}" for each in unreadable[:10])
        return InventoryError(f"not all of it can be read: {told}", where=record.path, hint="envguard scan")
    errors = [finding for finding in verdict.findings if finding.severity == "error"]
    told = "; ".join(f"{each.kind} {each.package or ''} {each.actual or ''}".strip() for each in errors[:10])
    return PolicyError(f"no policy could be met by it: {told}", where=record.path)
