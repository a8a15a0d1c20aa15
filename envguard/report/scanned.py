"""``scan --json``: what a machine has; the rules of ``report.documents`` bind here too."""

from __future__ import annotations

from datetime import datetime

import msgspec

from envguard.domain.environment import (
    Digest,
    Environment,
    EnvironmentKind,
    EnvironmentRecord,
    Integrity,
    OriginKind,
    Package,
    ProblemKind,
    Project,
    Scan,
    Snapshot,
    Unread,
    digest_of,
)
from envguard.domain.facts import MachineFacts
from envguard.report.documents import Time


class OriginPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a distribution came from."""

    kind: OriginKind
    url: str | None = None
    commit: str | None = None
    """Of a ``vcs`` origin, what was installed; of an ``editable`` one, what is checked out."""
    path: str | None = None
    """The folder that an ``editable`` one is imported from."""
    archive_digest: str | None = None
    """Of an ``archive``, what its installer noted of it: ``sha256:`` and hexadecimal digits."""


class PackagePart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One distribution; ``version`` is as its metadata writes it."""

    name: str
    version: str
    origin: OriginPart
    build: str | None = None
    installer: str | None = None
    """The tool that installed it, where it says so."""
    conda_name: str | None = None
    """What conda calls it, where that is another name."""
    conda_version: str | None = None
    """The version by which conda has it, where that is another."""


class InterpreterPart(msgspec.Struct, frozen=True, kw_only=True):
    """The Python of an environment."""

    implementation: str
    version: str
    abi: str
    platform: str
    free_threaded: bool
    markers: dict[str, str]


class ProblemPart(msgspec.Struct, frozen=True, kw_only=True):
    """Something about an environment that could not be read, or is not as it should be."""

    kind: ProblemKind
    package: str | None
    detail: str | None


class BrokenRequirementPart(msgspec.Struct, frozen=True, kw_only=True):
    """What a package requires and does not find."""

    package: str
    requirement: str
    found: str | None
    """The version that is installed instead."""


class SnapshotPart(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment contains."""

    interpreter: InterpreterPart
    packages: tuple[PackagePart, ...]
    system_packages: tuple[PackagePart, ...]
    """Conda packages that are no distributions of Python's."""
    problems: tuple[ProblemPart, ...]
    broken_requirements: tuple[BrokenRequirementPart, ...]


class IntegrityPart(msgspec.Struct, frozen=True, kw_only=True):
    """Which packages have files that changed after their installation."""

    checked_at: Time
    modified: tuple[str, ...]
    files: dict[str, tuple[str, ...]]
    """The changed files of each of them; the first ones where there are many."""
    unchecked: tuple[str, ...]
    """Packages of which it could not be told."""


class EnvironmentPart(msgspec.Struct, frozen=True, kw_only=True):
    """One environment of a scan."""

    path: str
    path_bytes: bytes | None
    """As the file system has it, in base64; None where ``path`` is that."""
    python: str
    kind: EnvironmentKind
    also: tuple[str, ...]
    names: tuple[str, ...]
    """Such as ``conda:rl`` and ``kernel:rl``."""
    shared_as: str | None
    """What all machines call it that mount its file system; None on a local one."""
    owner: str | None
    home: str | None
    """The owner's home, which `~` in a policy means."""
    digest: Digest
    integrity: IntegrityPart | None
    """None until somebody looked."""
    project: Project | None
    blas: str | None
    """The linear algebra library that numpy would load."""
    snapshot: SnapshotPart


class MachinePart(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that was looked at."""

    name: str
    facts: MachineFacts
    facts_digest: Digest
    """Equal where two machines have equal facts."""


class ScanDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/scan/1"):
    """``scan --json``: what a machine has."""

    machine: MachinePart
    taken_at: Time
    """When the look ended, by the machine's own clock."""
    incomplete: bool
    unread: tuple[Unread, ...]
    """Where it could not look, and why."""
    passed_over: tuple[Unread, ...]
    """Where it did not look on purpose, and why."""
    environments: tuple[EnvironmentPart, ...]


def scan_document(scan: Scan, machine: str, taken_at: datetime) -> ScanDocument:
    """Answer a scan of the machine of this name; ``taken_at`` is aware."""
    return ScanDocument(
        machine=MachinePart(name=machine, facts=scan.facts, facts_digest=digest_of(scan.facts)),
        taken_at=taken_at,
        incomplete=scan.is_incomplete,
        unread=scan.unread,
        passed_over=scan.passed_over,
        environments=tuple(map(_environment, scan.environments)),
    )


def _environment(environment: Environment) -> EnvironmentPart:
    record = environment.record
    return EnvironmentPart(
        path=record.path,
        path_bytes=record.path_bytes,
        python=record.python,
        kind=record.kind,
        also=record.also,
        names=record.names,
        shared_as=record.shared_as,
        owner=record.owner,
        home=record.home,
        digest=record.digest,
        integrity=_integrity(record.integrity) if record.integrity else None,
        project=record.project,
        blas=record.blas,
        snapshot=_snapshot(environment.snapshot, record),
    )


def _integrity(integrity: Integrity) -> IntegrityPart:
    return IntegrityPart(
        checked_at=integrity.checked_at,
        modified=integrity.modified,
        files=integrity.files,
        unchecked=integrity.unchecked,
    )


def _snapshot(snapshot: Snapshot, record: EnvironmentRecord) -> SnapshotPart:
    interpreter = snapshot.interpreter
    details = {(each.kind, each.package): each.detail for each in record.details}
    return SnapshotPart(
        interpreter=InterpreterPart(
            implementation=interpreter.implementation,
            version=interpreter.version,
            abi=interpreter.abi,
            platform=interpreter.platform,
            free_threaded=interpreter.free_threaded,
            markers=interpreter.markers,
        ),
        packages=tuple(_package(each, record) for each in snapshot.packages),
        system_packages=tuple(map(_conda_package, snapshot.system_packages)),
        problems=tuple(
            ProblemPart(kind=each.kind, package=each.package, detail=details.get((each.kind, each.package)))
            for each in snapshot.problems
        ),
        broken_requirements=tuple(
            BrokenRequirementPart(package=each.package, requirement=each.requirement, found=each.found)
            for each in snapshot.broken_requirements
        ),
    )


def _package(package: Package, record: EnvironmentRecord) -> PackagePart:
    origin = package.origin
    editable = next((each for each in record.editables if each.package == package.name), None)
    return PackagePart(
        name=package.name,
        version=package.version,
        origin=OriginPart(
            kind=origin.kind,
            url=origin.url,
            commit=editable.commit if editable else origin.commit,
            path=editable.folder if editable else None,
            archive_digest=origin.archive_digest,
        ),
        build=package.build,
        installer=record.installers.others.get(package.name, record.installers.usual) or None,
        conda_name=package.conda_name,
        conda_version=package.conda_version,
    )


def _conda_package(package: Package) -> PackagePart:
    origin = OriginPart(kind=package.origin.kind, url=package.origin.url, commit=package.origin.commit)
    return PackagePart(name=package.name, version=package.version, origin=origin, build=package.build)
