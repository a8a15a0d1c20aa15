"""What changes from one policy to another, as text and as JSON; the rules of ``report.documents`` bind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from envguard.domain.difference import Held, PackageDifference
from envguard.domain.policy_difference import PolicyChange, PolicyDifference
from envguard.report.printable import encodable, one_line

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}
_ABSENT = "-"


class LockedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a lock."""

    version: str | None
    """None where the lock leaves it to a folder or a repository."""
    marker: str | None
    """When it applies; None: always."""


class LockedChange(msgspec.Struct, frozen=True, kw_only=True):
    """A package that two locks do not have alike."""

    package: str
    a: tuple[LockedEntry, ...]
    """Empty: only ``b`` has it."""
    b: tuple[LockedEntry, ...]


class PolicyDiffDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/policy-diff/1"
):
    """``policy diff --json``: what changes from policy ``a`` to policy ``b``."""

    equal: bool
    a: str
    """As the command line names it, with the revision where it has one."""
    b: str
    changes: tuple[PolicyChange, ...]
    lock: tuple[LockedChange, ...]


def policy_diff_document(a: str, b: str, difference: PolicyDifference) -> PolicyDiffDocument:
    """Answer a difference."""
    return PolicyDiffDocument(
        equal=difference.is_empty,
        a=encodable(a),
        b=encodable(b),
        changes=(*difference.changes, *_of_lock_itself(difference)),
        lock=tuple(map(_locked, difference.lock.packages)),
    )


def policy_diff_lines(a: str, b: str, difference: PolicyDifference) -> Iterator[str]:
    """Yield the lines that say what changes: rules first, then what is locked."""
    if difference.is_empty:
        yield f"{one_line(a)} and {one_line(b)} are equal"
        return
    yield f"from {one_line(a)} to {one_line(b)}"
    for change in (*difference.changes, *_of_lock_itself(difference)):
        yield f"{_SIGNS[change.kind]} {change.key}: {_words(change)}"
    if difference.lock.packages:
        yield f"locked packages: {len(difference.lock.packages)} differ"
    for package in difference.lock.packages:
        yield f"{_sign(package)} {package.name}  {_moved(package)}"


def _of_lock_itself(difference: PolicyDifference) -> Iterator[PolicyChange]:
    for field in difference.lock.interpreter:
        before, after = (None if each is None else str(each) for each in (field.a, field.b))
        yield PolicyChange(key=f"lock: {field.field}", kind="changed", before=before, after=after)


def _words(change: PolicyChange) -> str:
    before, after = (_ABSENT if text is None else one_line(text) for text in (change.before, change.after))
    if change.kind == "changed":
        return f"{before} -> {after}"
    return after if change.kind == "added" else before


def _sign(package: PackageDifference) -> str:
    return _SIGNS["added" if not package.a else "removed" if not package.b else "changed"]


def _moved(package: PackageDifference) -> str:
    sides = [_entries(side) for side in (package.a, package.b) if side]
    return " -> ".join(sides)


def _entries(several: Sequence[Held]) -> str:
    shown = [
        (each.version or "any version") + (f" if {each.marker}" if each.marker else "") for each in several
    ]
    return one_line(", ".join(shown))


def _locked(package: PackageDifference) -> LockedChange:
    a, b = (
        tuple(LockedEntry(version=each.version, marker=each.marker) for each in side)
        for side in (package.a, package.b)
    )
    return LockedChange(package=package.name, a=a, b=b)
