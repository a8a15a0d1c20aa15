"""Packages whose files changed after their installation: true of one place, never kept with a comparison."""

from __future__ import annotations

from collections.abc import Iterator

from envguard.domain.environment import EnvironmentRecord, Snapshot
from envguard.domain.findings.finding import Finding
from envguard.domain.policy import Level
from envguard.domain.remedy import Reinstall, Remedy
from envguard.domain.versions import is_version

_NAMED_FILES = 3


def modified_findings(record: EnvironmentRecord, snapshot: Snapshot, level: Level) -> Iterator[Finding]:
    """Yield a finding for each package of which files changed, when somebody last looked."""
    if record.integrity is None or level == "ignore":
        return
    versions = {package.name: package.version for package in snapshot.packages}
    for name in record.integrity.modified:
        yield Finding(
            kind="modified-files",
            rule="integrity",
            severity=level,
            package=name,
            expected="as installed",
            actual=_files(record.integrity.files.get(name, ())),
            remedy=_remedy(name, versions.get(name)),
        )


def _files(names: tuple[str, ...]) -> str | None:
    shown = ", ".join(names[:_NAMED_FILES])
    more = len(names) - _NAMED_FILES
    return f"{shown} and {more} more" if more > 0 else shown or None


def _remedy(name: str, version: str | None) -> Remedy | None:
    return Reinstall(f"{name}=={version}") if version is not None and is_version(version) else None
