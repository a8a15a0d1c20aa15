"""``diff --json``: in what two sides differ; the rules of ``report.documents`` bind here too."""

from __future__ import annotations

from typing import Literal

import msgspec

from envguard.domain.comparison import (
    Comparison,
    EnvironmentSide,
    LockSide,
    MachineSide,
    Pair,
    Side,
    path_of,
)
from envguard.domain.difference import FieldDifference, PackageDifference, ProblemsApart, RequirementsApart
from envguard.domain.environment import Digest, digest_of
from envguard.report.printable import encodable

SideKind = Literal["environment", "snapshot", "lock", "machine"]
"""What a side is."""


class SidePart(msgspec.Struct, frozen=True, kw_only=True):
    """One of the two that were compared."""

    given: str
    """As the command line names it."""
    kind: SideKind
    machine: str | None
    """The name of the machine; None for this one, or where it is not known."""
    path: str | None
    """The environment's folder; None for what is none."""
    path_bytes: bytes | None
    """As the file system has it, in base64; None where ``path`` is that."""
    digest: Digest | None
    """Of the snapshot, or of the lock's text; None of a whole machine."""
    facts_digest: Digest | None
    """Of the machine's facts, where they are known."""


class ContentsPart(msgspec.Struct, frozen=True, kw_only=True):
    """Two contents that were compared."""

    a: str | None
    """The environment's path, or the lock's; None where only the other side has it."""
    b: str | None
    equal: bool
    packages: tuple[PackageDifference, ...]
    interpreter: tuple[FieldDifference, ...]
    """Of two locks: for which interpreters they are made."""
    system_packages: tuple[PackageDifference, ...]
    problems: ProblemsApart
    broken_requirements: RequirementsApart
    blas: FieldDifference | None
    """The linear algebra library that numpy loads."""
    not_compared: str | None
    """Why packages were not compared; None where they were."""


class DiffDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/diff/1"):
    """``diff --json``: in what two sides differ; what is equal is left out."""

    equal: bool
    a: SidePart
    b: SidePart
    environments: tuple[ContentsPart, ...]
    """What was compared with what: one entry, save for whole machines."""
    facts: tuple[FieldDifference, ...]
    """The facts in which their machines differ."""
    runs: tuple[FieldDifference, ...]
    """In what two runs differ besides: commit, tree, policy, parameters."""


def diff_document(comparison: Comparison) -> DiffDocument:
    """Answer a comparison."""
    return DiffDocument(
        equal=comparison.is_equal,
        a=_side(comparison.a),
        b=_side(comparison.b),
        environments=tuple(map(contents_part, comparison.pairs)),
        facts=comparison.facts,
        runs=comparison.runs,
    )


def _side(side: Side) -> SidePart:
    match side:
        case EnvironmentSide():
            return SidePart(
                given=encodable(side.given),
                kind="environment" if side.record is not None else "snapshot",
                machine=side.machine,
                path=encodable(path_of(side)) if side.record is not None else None,
                path_bytes=side.record.path_bytes if side.record is not None else None,
                digest=digest_of(side.snapshot),
                facts_digest=digest_of(side.facts) if side.facts is not None else None,
            )
        case LockSide():
            return SidePart(
                given=encodable(side.given),
                kind="lock",
                machine=None,
                path=None,
                path_bytes=None,
                digest=side.lock.digest,
                facts_digest=None,
            )
        case MachineSide():
            return SidePart(
                given=encodable(side.given),
                kind="machine",
                machine=side.machine,
                path=None,
                path_bytes=None,
                digest=None,
                facts_digest=digest_of(side.scan.facts),
            )


def contents_part(pair: Pair) -> ContentsPart:
    """Answer two contents that were compared."""
    difference = pair.difference
    return ContentsPart(
        a=encodable(pair.a) if pair.a is not None else None,
        b=encodable(pair.b) if pair.b is not None else None,
        equal=pair.is_equal,
        packages=difference.packages,
        interpreter=difference.interpreter,
        system_packages=difference.system_packages,
        problems=difference.problems,
        broken_requirements=difference.broken_requirements,
        blas=pair.blas,
        not_compared=pair.not_compared,
    )
