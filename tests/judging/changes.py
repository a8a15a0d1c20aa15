"""Single changes of an environment, and the one finding that each must make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from envguard.domain.environment import Origin, Package, Snapshot
from envguard.domain.findings.packages import NEVER_UNLISTED
from envguard.domain.locks.lock import Lock, LockChoice, LockedPackage
from envguard.domain.locks.selection import Selected, marker_values, select
from tests.judging.world import FACTS, told

EDITABLE = Origin(kind="editable")
OTHER_COMMIT = "f" * 40


class Change(NamedTuple):
    """A changed environment, and what must be told of it."""

    what: str
    snapshot: Snapshot
    expected: list[tuple[str, str | None]]


def each_change_is_one_finding(snapshot: Snapshot, lock: Lock, choice: LockChoice | None = None) -> None:
    """Check an environment that must meet a lock, and each single change of it."""
    assert told(snapshot, lock, choice) == []
    seen = 0
    for change in single_changes(snapshot, lock, choice):
        assert told(change.snapshot, lock, choice) == change.expected, change.what
        seen += 1
    assert seen > len(snapshot.packages)


def single_changes(snapshot: Snapshot, lock: Lock, choice: LockChoice | None = None) -> Iterator[Change]:
    """Yield every change of one package, and one package more."""
    chosen = choice if choice is not None else LockChoice()
    selection = select(lock, marker_values(snapshot.interpreter, FACTS), chosen)
    assert isinstance(selection, Selected)
    for index, package in enumerate(snapshot.packages):
        wanted = selection.packages.get(package.name)
        if wanted is None:
            assert package.name in NEVER_UNLISTED
            continue
        others = (*snapshot.packages[:index], *snapshot.packages[index + 1 :])
        yield Change(f"no {package.name}", replace(snapshot, packages=others), [("missing", package.name)])
        for what, other, kind in _others(package, wanted):
            expected: list[tuple[str, str | None]] = [] if kind is None else [(kind, package.name)]
            yield Change(what, replace(snapshot, packages=(*others, other)), expected)
    more = (*snapshot.packages, Package("stranger", "1.0"))
    yield Change("one more", replace(snapshot, packages=more), [("unlisted", "stranger")])


def _others(package: Package, wanted: LockedPackage) -> Iterator[tuple[str, Package, str | None]]:
    """The package as it should not be, and the kind of what must be told; None where no lock can know."""
    name = package.name
    is_free = wanted.version is None
    yield f"{name} 99", replace(package, version="99"), None if is_free else "version-mismatch"
    if not is_free:
        relabelled = package.version.partition("+")[0] + "+other.1"
        knows = "+" in package.version or _tells_files(wanted)
        yield (
            f"{name} {relabelled}",
            replace(package, version=relabelled),
            "build-mismatch" if knows else None,
        )
    if package.origin.kind == "index":
        yield f"{name} from a folder", replace(package, origin=EDITABLE), "origin-mismatch"
        if package.build is not None and _tells_wheels_only(wanted):
            yield f"{name} of other tags", replace(package, build="cp27-cp27mu-linux_x86_64"), "hash-mismatch"
    else:
        yield f"{name} from an index", Package(name, package.version), "origin-mismatch"
    if package.origin.commit is not None and package.origin.kind == "vcs":
        moved = replace(package.origin, commit=OTHER_COMMIT)
        yield f"{name} at another commit", replace(package, origin=moved), "origin-mismatch"


def _tells_files(wanted: LockedPackage) -> bool:
    names = [each.filename for each in wanted.artifacts if each.filename]
    return bool(names) and not any("+" in name for name in names)


def _tells_wheels_only(wanted: LockedPackage) -> bool:
    return bool(wanted.artifacts) and all(each.filename.endswith(".whl") for each in wanted.artifacts)
