"""What an environment contains, as a lock and rules that it meets.

Rules
1. What others can install is pinned: an index's packages by version, conda's by version and build, those of
   repositories and archives by their address, commit and hash.
2. What they cannot is a rule. A folder on this machine is optional; a version that lies twice is any version,
   until somebody mends it; what came from a place that only this machine has is asked for by its version.
3. Left out are the project itself and the tools that every environment may have in any version: pip and uv;
   setuptools and wheel too before Python 3.12, where ``venv`` brings the former by itself.
4. What cannot be written as a requirement is left out, and told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from envguard.domain.environment import Package, Snapshot, is_commit
from envguard.domain.locks.lock import Artifact, LeftOut, LockedPackage
from envguard.domain.policy import Require
from envguard.domain.versions import allows, is_version

_TOOLS = frozenset({"pip", "uv", "envguard-guard"})
_OLD_TOOLS = _TOOLS | {"setuptools", "wheel", "distribute"}
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_VERSION = re.compile(r"[A-Za-z0-9_.!+~-]{1,200}")
_CONDA_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,198}")
_CONDA_VERSION = re.compile(r"[A-Za-z0-9_.!+-]{1,200}")
_CONDA_BUILD = re.compile(r"[A-Za-z0-9_.+-]{1,200}")
_ADDRESS = re.compile(r"https?://[^\s;,$'\"\\#?\[\]{}]+|ssh://[^\s;,$'\"\\#?\[\]{}]+")
_PROJECT = "the project itself"
_TOOL = "a tool that may be there in any version"
_NO_REQUIREMENT = "its name or version cannot be written in a lock"


class Frozen(msgspec.Struct, frozen=True):
    """An environment in the words of a policy."""

    pinned: tuple[LockedPackage, ...]
    """What the lock has; conda's first."""
    rules: tuple[Require, ...]
    """What the lock cannot say, sorted by name."""
    left_out: tuple[LeftOut, ...]

    @property
    def is_conda_s(self) -> bool:
        """Whether some of it is conda's."""
        return any(package.ecosystem == "conda" for package in self.pinned)


def frozen(snapshot: Snapshot, project: str | None) -> Frozen:
    """Answer what the environment contains; ``project`` is the name of the project around it."""
    parts = _Parts()
    tools = _OLD_TOOLS if allows("<3.12", snapshot.interpreter.version) else _TOOLS
    for package in snapshot.system_packages:
        parts.add_conda(package)
    by_name: dict[str, list[Package]] = {}
    for package in snapshot.packages:
        by_name.setdefault(package.name, []).append(package)
    for name, packages in by_name.items():
        if name == project:
            parts.leave_out(packages[0], _PROJECT)
        elif len(packages) > 1:
            parts.add_several(name, packages)
        elif packages[0].origin.kind == "conda":
            parts.add_conda(packages[0])
        elif name in tools:
            parts.leave_out(packages[0], _TOOL)
        else:
            parts.add_python(packages[0])
    return parts.frozen()


class _Parts:
    """What was found so far."""

    def __init__(self) -> None:
        self._conda: dict[str, LockedPackage] = {}
        self._python: list[LockedPackage] = []
        self._rules: list[Require] = []
        self._left_out: list[LeftOut] = []

    def frozen(self) -> Frozen:
        """Answer all of it; of two entries of a name conda's stays, as a lock can ask for one only."""
        python = []
        for package in self._python:
            if package.name in self._conda:
                reason = "the lock has conda's package of this name"
                self._left_out.append(LeftOut(package.name, package.version, reason))
            else:
                python.append(package)
        return Frozen(
            pinned=(*sorted(self._conda.values(), key=lambda each: each.name), *python),
            rules=tuple(sorted(self._rules, key=lambda rule: rule.name)),
            left_out=tuple(sorted(self._left_out, key=lambda each: each.name)),
        )

    def leave_out(self, package: Package, reason: str) -> None:
        """Note a package that neither lock nor rules name."""
        self._left_out.append(LeftOut(package.name, package.version or None, reason))

    def add_conda(self, package: Package) -> None:
        """Pin what conda installed, by conda's name."""
        name, build = package.conda_name or package.name, package.build
        is_plain = _CONDA_NAME.fullmatch(name) and _CONDA_VERSION.fullmatch(package.version)
        if not is_plain or name in self._conda or (build and not _CONDA_BUILD.fullmatch(build)):
            self.leave_out(package, _NO_REQUIREMENT)
            return
        self._conda[name] = LockedPackage(name, package.version, build=build, ecosystem="conda")

    def add_several(self, name: str, packages: Sequence[Package]) -> None:
        """Ask for a package of which several versions lie there."""
        versions = " and ".join(package.version for package in packages)
        self._rule(
            packages[0], Require(name=name, reason=f"it lies there twice, as {_shown(versions)}: mend it")
        )

    def add_python(self, package: Package) -> None:
        """Pin what others can have too; ask otherwise for what they cannot."""
        origin = package.origin
        if origin.kind in ("editable", "directory"):
            reason = "imported from a folder" if origin.kind == "editable" else "installed from a folder"
            self._rule(package, Require(name=package.name, reason=reason, optional=True))
        elif origin.kind in ("vcs", "archive"):
            self._add_direct(package)
        elif _is_plain(package):
            self._python.append(LockedPackage(package.name, package.version))
        else:
            self._rule(package, Require(name=package.name, reason="its version cannot be written in a lock"))

    def _add_direct(self, package: Package) -> None:
        origin = package.origin
        is_pinned = origin.kind != "vcs" or is_commit(origin.commit)
        if is_pinned and origin.url is not None and _ADDRESS.fullmatch(origin.url) and _is_plain(package):
            digests = (origin.archive_digest,) if origin.archive_digest is not None else ()
            artifacts = (Artifact("", digests),) if digests else ()
            self._python.append(
                LockedPackage(package.name, package.version, origin=origin, artifacts=artifacts)
            )
            return
        where = "a repository" if origin.kind == "vcs" else "an archive"
        specifier = f"=={package.version}" if is_version(package.version) else ""
        reason = f"from {where} that only one machine has"
        self._rule(package, Require(name=package.name, specifier=specifier, reason=reason))

    def _rule(self, package: Package, rule: Require) -> None:
        if _NAME.fullmatch(rule.name):
            self._rules.append(rule)
        else:
            self.leave_out(package, _NO_REQUIREMENT)


def _is_plain(package: Package) -> bool:
    return _NAME.fullmatch(package.name) is not None and _VERSION.fullmatch(package.version) is not None


def _shown(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text[:200])
