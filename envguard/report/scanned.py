"""``scan --json``: what a machine has; the rules of ``report.documents`` bind here too."""

from __future__ import annotations

import msgspec

from envguard.domain.environment import (
    Digest,
    Environment,
    EnvironmentKind,
    MachineFacts,
    OriginKind,
    Package,
    ProblemKind,
    Project,
    Scan,
    Snapshot,
)
from envguard.report.documents import Time


class OriginPart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a distribution came from."""

    kind: OriginKind
    url: str | None = None
    commit: str | None = None


class PackagePart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One distribution; ``version`` is as its metadata writes it."""

    name: str
    version: str
    origin: OriginPart
    build: str | None = None


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


class SnapshotPart(msgspec.Struct, frozen=True, kw_only=True):
    """What an environment contains."""

    interpreter: InterpreterPart
    packages: tuple[PackagePart, ...]
    system_packages: tuple[PackagePart, ...]
    """Conda packages that are no distributions of Python's."""
    problems: tuple[ProblemPart, ...]


class IntegrityPart(msgspec.Struct, frozen=True, kw_only=True):
    """Which packages have files that changed after their installation."""

    checked_at: Time
    modified: tuple[str, ...]


class EnvironmentPart(msgspec.Struct, frozen=True, kw_only=True):
    """One environment of a scan."""

    path: str
    python: str
    kind: EnvironmentKind
    also: tuple[str, ...]
    owner: str | None
    digest: Digest
    integrity: IntegrityPart | None
    """None until somebody looked."""
    project: Project | None
    snapshot: SnapshotPart


class MachinePart(msgspec.Struct, frozen=True, kw_only=True):
    """The machine that was looked at."""

    name: str
    facts: MachineFacts


class ScanDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/scan/1"):
    """``scan --json``: what a machine has."""

    machine: MachinePart
    incomplete: bool
    environments: tuple[EnvironmentPart, ...]


def scan_document(scan: Scan, machine: str) -> ScanDocument:
    """Answer a scan of the machine of this name."""
    return ScanDocument(
        machine=MachinePart(name=machine, facts=scan.facts),
        incomplete=scan.is_incomplete,
        environments=tuple(map(_environment, scan.environments)),
    )


def _environment(environment: Environment) -> EnvironmentPart:
    record = environment.record
    return EnvironmentPart(
        path=record.path,
        python=record.python,
        kind=record.kind,
        also=record.also,
        owner=record.owner,
        digest=record.digest,
        integrity=None,
        project=record.project,
        snapshot=_snapshot(
            environment.snapshot, {(each.kind, each.package): each.detail for each in record.details}
        ),
    )


def _snapshot(snapshot: Snapshot, details: dict[tuple[ProblemKind, str | None], str]) -> SnapshotPart:
    interpreter = snapshot.interpreter
    return SnapshotPart(
        interpreter=InterpreterPart(
            implementation=interpreter.implementation,
            version=interpreter.version,
            abi=interpreter.abi,
            platform=interpreter.platform,
            free_threaded=interpreter.free_threaded,
            markers=interpreter.markers,
        ),
        packages=tuple(map(_package, snapshot.packages)),
        system_packages=(),
        problems=tuple(
            ProblemPart(kind=each.kind, package=each.package, detail=details.get((each.kind, each.package)))
            for each in snapshot.problems
        ),
    )


def _package(package: Package) -> PackagePart:
    origin = package.origin
    return PackagePart(
        name=package.name,
        version=package.version,
        origin=OriginPart(kind=origin.kind, url=origin.url, commit=origin.commit),
        build=package.build,
    )
