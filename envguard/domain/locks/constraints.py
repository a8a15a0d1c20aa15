"""What constraints make of an entry that leaves its version open, or of one that does not.

Rules
1. Of several constraints on one name all must hold, as pip and uv take them.
2. A direct reference is not judged by a constraint: its version is the archive's own.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from envguard.domain.locks.lock import LockedPackage


class Contradiction(Exception):  # noqa: N818 - what was found, not what went wrong here
    """Entry and constraints give no one version; caught where they are brought together."""

    def __init__(self, package: str, reason: str) -> None:
        """Name the package, and say why."""
        super().__init__(reason)
        self.package = package
        self.reason = reason


def constrained(package: LockedPackage, constraints: tuple[LockedPackage, ...]) -> LockedPackage:
    """Answer the entry with the version that the constraints which hold here give it.

    Raises Contradiction where they give none, or exclude the one that it has.
    """
    if package.origin is not None:
        return package
    answer = package if package.version is not None else _pinned(package, constraints)
    for each in (*constraints, package):
        if answer.version is not None and not each.allows(answer.version):
            what = f"{answer.version} is wanted, and {_said(each)} is asked for"
            raise Contradiction(package.name, f"the lock contradicts itself: {what}")
    return answer


def joined(constraints: tuple[LockedPackage, ...]) -> tuple[LockedPackage, ...]:
    """Answer constraints on one name as entries of which one must be met: a pin, or all ranges as one."""
    pins = tuple(each for each in constraints if each.is_pin)
    if pins:
        return pins
    specifiers = [each.specifier for each in constraints if each.specifier]
    return (msgspec.structs.replace(constraints[0], specifier=",".join(specifiers) or None),)


def _pinned(package: LockedPackage, constraints: Iterable[LockedPackage]) -> LockedPackage:
    pin = next((each for each in constraints if each.is_pin), None)
    if pin is None:
        raise Contradiction(package.name, "the lock asks for it, and no constraint that holds here pins it")
    return msgspec.structs.replace(
        package,
        version=pin.version,
        specifier=None,
        origin=pin.origin,
        artifacts=package.artifacts or pin.artifacts,
    )


def _said(package: LockedPackage) -> str:
    return package.version or package.specifier or "another"
