"""Why it is this policy: every source that can name one, in the order of asking, with its answer.

The order is that of ``runs.policies``, which takes the first that says anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from envguard.domain.binding import Machine, applies, selectors_of
from envguard.domain.environment import EnvironmentRecord
from envguard.domain.policy import KnownPolicy
from envguard.errors import PolicyError
from envguard.formats import project_lock
from envguard.formats.files import ReadBytes
from envguard.inventory.files import place_shown_as, reader_for


class Step(msgspec.Struct, frozen=True):
    """One source that can name a policy."""

    source: str
    """In words, such as ``ENVGUARD_POLICY`` or the place of a marker."""
    says: str | None
    """The policy that it names, or why it cannot be taken; None: it says nothing."""


def policy_steps(
    named: str | None,
    record: EnvironmentRecord,
    *,
    environ: Mapping[str, str],
    machine: Machine,
    known: Mapping[str, KnownPolicy],
    cwd: Path,
) -> tuple[Step, ...]:
    """Answer every source with what it says of this environment; the first that says anything counts."""
    project = record.project
    marker = f"marker in {project.marker_place}" if project and project.marker_place else "project's marker"
    return (
        Step("--policy", named),
        Step("ENVGUARD_POLICY", environ.get("ENVGUARD_POLICY") or None),
        Step("envguard use", record.use),
        Step(marker, project.policy if project is not None else None),
        Step("applies-to", " and ".join(_applying(record, machine, known)) or None),
        Step("project's own lock", _lock_of(record, cwd)),
    )


def lock_folders(record: EnvironmentRecord, cwd: Path) -> list[Path]:
    """Answer the folders in which an environment's own lock may lie, the nearest first."""
    folders = [_folder(record.project.path)] if record.project is not None else []
    return list(dict.fromkeys([*folders, _folder(record.path).parent, cwd]))


def _folder(recorded: str) -> Path:
    return Path(place_shown_as(recorded))


def as_owner_of(folder: Path) -> ReadBytes:
    """Answer how files that a project names are read: as the owner of its folder may, and no others.

    A marker of somebody's can name any path; what root may read is not theirs to see in an error.
    """
    reader = reader_for(str(folder))
    return lambda path, limit_bytes: reader.read_head(str(path), cap_bytes=limit_bytes + 1)


def _applying(record: EnvironmentRecord, machine: Machine, known: Mapping[str, KnownPolicy]) -> Iterator[str]:
    for name, selectors in sorted(selectors_of(known).items()):
        if applies(selectors, record, machine):
            yield name


def _lock_of(record: EnvironmentRecord, cwd: Path) -> str | None:
    for folder in lock_folders(record, cwd):
        try:
            found = project_lock(folder, as_owner_of(folder))
        except PolicyError as error:
            return f"cannot be used: {error}"
        if found is not None:
            return str(found[0])
    return None
