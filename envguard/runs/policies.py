"""Which policy judges an environment on this machine, and where it comes from.

Rules, the first that says anything wins
1. What the command names, then ``ENVGUARD_POLICY``: a name, a policy file, or a lock. A name that this
   machine has not got from its server is also that of the policy whose file the project's marker names.
2. ``envguard use``, the project's marker, ``applies-to`` (see ``domain.binding``). Where an environment lies
   in no project, or its own names no policy, it is the marker of the project in whose folder one stands.
3. The project's own lock, and that is said.
What goes before is never hindered by what comes after: who names a policy needs no marker that can be read. A
policy that was named and cannot be had is an error, never the lock instead. Where a project's marker is the
file of a policy that this machine also has from its server, the server's revision judges: it is the team's.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from envguard.domain.ages import age_text
from envguard.domain.binding import Bound, Conflict, Machine, bind, selectors_of
from envguard.domain.environment import Environment, EnvironmentRecord, Project
from envguard.domain.policy import KnownPolicy, LockedPolicy, UnusablePolicy
from envguard.errors import EnvguardError, UnavailableError, UsageError
from envguard.formats import is_lock_name, load_policy, policy_for_lock, read_lock
from envguard.formats.files import ReadBytes, read_bytes
from envguard.inventory.files import place_shown_as
from envguard.inventory.project import project_of
from envguard.runs.judging import binding_words, broken_marker, conflict_reason, unusable_reason
from envguard.runs.steps import as_owner_of, naming_project, own_lock

_POLICY_SUFFIXES = (".yaml", ".yml")


class Governing(msgspec.Struct, frozen=True):
    """A policy, and the words that say why it is this one."""

    policy: LockedPolicy
    source: str
    is_own_lock: bool = False
    """No policy applies: this stands for the project's own lock."""

    def said(self, now: datetime) -> str:
        """Answer the words, with the age of a policy that a person pulled."""
        pulled_at = self.policy.pulled_at
        return self.source if pulled_at is None else f"{self.source}; pulled {age_text(pulled_at, now)}"


def choose_policy(
    named: str | None,
    environment: Environment,
    *,
    environ: Mapping[str, str],
    machine: Machine,
    known: Mapping[str, KnownPolicy],
    cwd: Path,
) -> Governing:
    """Answer what judges an environment, and why it is this.

    Raises UnavailableError where a named one, or what its owner bound, cannot be had, PolicyError where its
    project's marker cannot be used, UsageError where there is none at all.
    """
    asked_for = _asked_for(named, environ, known, cwd, lambda: naming_project(environment.record, cwd))
    if asked_for is not None:
        return asked_for
    record, told = environment.record, broken_marker(environment)
    if told is not None:
        project_of(Path(place_shown_as(record.path)).parent)  # says it with its place
        raise UnavailableError(told, where=record.path)
    project = record.project if record.use is not None else naming_project(record, cwd)
    binding = bind(msgspec.structs.replace(record, project=project), machine, selectors_of(known))
    if isinstance(binding, Conflict):
        raise UnavailableError(conflict_reason(binding), where=record.path)
    if isinstance(binding, Bound):
        return _bound(binding, project, known, is_here=project != record.project)
    return _own_lock(record, cwd)


def choose_policy_for_lock(
    named: str | None,
    lock: Path,
    *,
    environ: Mapping[str, str],
    known: Mapping[str, KnownPolicy],
    cwd: Path,
) -> Governing:
    """Answer the policy for a lock that nobody installed: no environment, so nothing but a name can bind it.

    Raises UnavailableError where a named one cannot be had, UsageError where none is named.
    """
    asked_for = _asked_for(named, environ, known, cwd, lambda: project_of(lock.parent))
    if asked_for is not None:
        return asked_for
    project = project_of(lock.parent)
    if project is not None and project.policy is not None:
        return _marked(project, project.policy, known)
    raise UsageError(
        "no policy is named for this lock, and a lock is not judged by itself",
        where=str(lock),
        hint="envguard check LOCK --policy FILE, or write [tool.envguard] policy = NAME into pyproject.toml",
    )


def policy_named(asked: str, *, known: Mapping[str, KnownPolicy], cwd: Path) -> LockedPolicy:
    """Answer the policy that a command line names, whatever it judges; raises as :func:`choose_policy`."""
    return _named(asked, "named on the command line", known, cwd, lambda: project_of(cwd)).policy


def is_file_reference(text: str) -> bool:
    """Whether a marker or an argument is a path rather than a policy's name."""
    return "/" in text or text.endswith(_POLICY_SUFFIXES) or is_lock_name(text)


def load_reference(path: Path, read: ReadBytes = read_bytes) -> LockedPolicy:
    """Answer the policy in a file, or the one that a lock stands for; ``read`` says with whose rights.

    Raises UnavailableError where there is no such file, PolicyError where it cannot be used.
    """
    if not path.exists():
        raise UnavailableError("there is no such policy or lock", where=str(path))
    if path.suffix in _POLICY_SUFFIXES and not is_lock_name(path.name):
        return load_policy(path, read)
    return policy_for_lock(path, read_lock(path, read))


def marker_policy(project: Project, note: Callable[[str], None] = lambda _: None) -> LockedPolicy:
    """Answer the policy of a project whose marker is a file; raises as :func:`load_reference`.

    ``note`` is told the path of each file that decides, before it is read, also of what is absent.
    """
    folder = Path(place_shown_as(project.path))
    read = as_owner_of(folder)

    def read_noted(path: Path, limit_bytes: int) -> bytes:
        note(str(path))
        return read(path, limit_bytes)

    path = folder / (project.policy or "")
    note(str(path))  # it may not be there: then nothing is read
    return load_reference(path, read_noted)


def _bound(
    binding: Bound, project: Project | None, known: Mapping[str, KnownPolicy], *, is_here: bool
) -> Governing:
    if binding.source == "marker" and project is not None:
        return _marked(project, binding.policy, known, " of this folder" if is_here else "")
    words = binding_words(binding, project)
    return Governing(_held(binding.policy, words, known), words)


def _marked(project: Project, policy: str, known: Mapping[str, KnownPolicy], of_where: str = "") -> Governing:
    words = f"policy named in {project.marker_place}{of_where}"
    if not is_file_reference(policy):
        return Governing(_held(policy, words, known), words)
    loaded = marker_policy(project)
    name = loaded.policy.name
    if name not in known:
        return Governing(loaded, words)
    return Governing(_held(name, words, known), f"{words}; judged by the server's revision of it")


def _asked_for(
    named: str | None,
    environ: Mapping[str, str],
    known: Mapping[str, KnownPolicy],
    cwd: Path,
    project: Callable[[], Project | None],
) -> Governing | None:
    """The policy that the command names, or else ``ENVGUARD_POLICY``; None where neither does."""
    asked, words = named, "named on the command line"
    if asked is None:
        asked, words = environ.get("ENVGUARD_POLICY") or None, "named in ENVGUARD_POLICY"
    return None if asked is None else _named(asked, words, known, cwd, project)


def _named(
    asked: str,
    words: str,
    known: Mapping[str, KnownPolicy],
    cwd: Path,
    project: Callable[[], Project | None],
) -> Governing:
    if is_file_reference(asked):
        return Governing(load_reference(cwd / asked), words)
    of_marker = _of_marker(asked, words, project) if asked not in known else None
    return of_marker or Governing(_held(asked, words, known), words)


def _of_marker(name: str, words: str, project: Callable[[], Project | None]) -> Governing | None:
    """The policy whose file a project's marker names, if it has this name; who names one needs no marker."""
    try:
        found = project()
        if found is None or not is_file_reference(found.policy or ""):
            return None
        loaded = marker_policy(found)
    except EnvguardError:
        return None
    if loaded.policy.name != name:
        return None
    return Governing(loaded, f"{words}; its file is named in {found.marker_place}")


def _held(name: str, words: str, known: Mapping[str, KnownPolicy]) -> LockedPolicy:
    match known.get(name):
        case LockedPolicy() as policy:
            return policy
        case UnusablePolicy() as unusable:
            hint = "pip install --upgrade envguard"
            raise UnavailableError(unusable_reason(unusable), where=words, hint=hint)
        case _:
            raise UnavailableError(
                f"policy `{name}` cannot be had: it is not a file, and this machine has none of that name",
                where=words,
                hint=f"envguard policy pull {name}; on a joined machine: envguard agent --once",
            )


def _own_lock(record: EnvironmentRecord, cwd: Path) -> Governing:
    found = own_lock(record, cwd)
    if found is not None:
        path, lock = found
        words = f"no policy; judged by the lock {path.name}"
        return Governing(policy_for_lock(path, lock), words, is_own_lock=True)
    raise UsageError(
        "no policy applies to this environment, and its project has no lock",
        where=record.path,
        hint=f"envguard policy new --from-env {shlex.quote(record.path)} makes one of what is installed; "
        "or name another's: --policy FILE",
    )
