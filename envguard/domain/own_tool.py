"""The tool of a project that locks its packages itself: there, it brings an environment to the lock.

Rules
1. A lock is a project's own where its file lies in the folder of the environment's project.
2. uv is told which environment is meant; poetry and pipenv know only their own, and are named for these.
3. What the lock's entries mend, the tool mends in one command; rules of the policy are no part of that.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

import msgspec

from envguard.domain.environment import EnvironmentRecord
from envguard.domain.findings.finding import Finding
from envguard.domain.policy import LockedPolicy
from envguard.domain.remedy import Sync, Tool

_TOOLS: dict[str, Tool] = {"Pipfile.lock": "pipenv", "poetry.lock": "poetry", "uv.lock": "uv"}
_MENDED = ("build-mismatch", "missing", "origin-mismatch", "version-mismatch")


def with_own_tool(
    findings: Iterable[Finding], governing: LockedPolicy, record: EnvironmentRecord
) -> tuple[Finding, ...]:
    """Answer the findings; those of a project's own lock are mended by the project's own tool."""
    sync = own_sync(governing, record)
    if sync is None:
        return tuple(findings)
    return tuple(
        msgspec.structs.replace(finding, remedy=sync)
        if finding.rule == "lock" and finding.kind in _MENDED
        else finding
        for finding in findings
    )


def own_sync(governing: LockedPolicy, record: EnvironmentRecord) -> Sync | None:
    """Answer what brings the environment to its project's own lock; None where no tool does."""
    lock, folder, project = governing.policy.lock, governing.folder, _project_folder(record)
    if lock is None or folder is None or project is None:
        return None
    path = posixpath.normpath(posixpath.join(folder, lock))
    tool = _TOOLS.get(posixpath.basename(path))
    if tool is None or posixpath.dirname(path) != posixpath.normpath(project):
        return None
    if tool != "uv" and not (record.kind == tool or record.path == posixpath.join(project, ".venv")):
        return None
    choice = governing.policy.rules.choice
    return Sync(tool, project, choice.extras, choice.groups)


def _project_folder(record: EnvironmentRecord) -> str | None:
    """The folder of the environment's project; pipenv's projects mostly have no ``pyproject.toml``."""
    if record.project is not None:
        return record.project.path
    folder, name = posixpath.split(record.path)
    return folder if name == ".venv" else None
