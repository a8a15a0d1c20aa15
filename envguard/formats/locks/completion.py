"""What a lock lacks for a ``pylock.toml``, asked of an index by uv: the names and hashes of files.

Rules
1. Only the pins are asked for, as they are: nothing is resolved anew.
2. Where the lock has hashes, files without one of them are not taken. Of a pin of which no file is left, the
   index has others than the lock was made with: that is an error.
3. uv answers one version of a name at a time, so several are asked for one after the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import msgspec

from envguard.domain.locks.lock import Artifact, Lock, LockedPackage
from envguard.domain.versions import pin
from envguard.errors import PolicyError
from envguard.formats.locks.write_pylock import lacks_files

Files = dict[tuple[str, str], tuple[Artifact, ...]]
"""The files of each name and version."""


def pins_to_ask(lock: Lock) -> tuple[str, ...]:
    """Answer the requirements files that ask for what the lock lacks; none where it lacks nothing."""
    versions: dict[str, dict[str, None]] = defaultdict(dict)
    for package in lock.packages:
        if lacks_files(package) and package.version is not None:
            versions[package.name][package.version] = None
    rounds = max(map(len, versions.values()), default=0)
    return tuple("".join(_lines(versions, position)) for position in range(rounds))


def files_in(locks: Iterable[Lock]) -> Files:
    """Answer the files that uv's answers name."""
    return {
        (package.name, package.version): package.artifacts
        for lock in locks
        for package in lock.packages
        if package.version is not None
    }


def completed(lock: Lock, files: Files, *, where: str) -> Lock:
    """Answer the lock with these files where it lacks names; ``where`` is its own file.

    Raises PolicyError where the index has only others than the lock allows.
    """
    packages = tuple(
        _with_files(package, files, where) if lacks_files(package) else package for package in lock.packages
    )
    return msgspec.structs.replace(lock, packages=packages)


def _lines(versions: dict[str, dict[str, None]], position: int) -> Iterator[str]:
    for name, found in versions.items():
        if position < len(found):
            yield f"{name}{pin(list(found)[position])}\n"


def _with_files(package: LockedPackage, files: Files, where: str) -> LockedPackage:
    found = files.get((package.name, package.version or ""), ())
    allowed = {digest for artifact in package.artifacts for digest in artifact.digests}
    kept = tuple(file for file in found if not allowed or allowed.intersection(file.digests))
    if not kept:
        what = f"the index has no file of {package.name} {package.version} that the lock allows"
        raise PolicyError(what, where=where, hint="ask the index that the lock was made with")
    return msgspec.structs.replace(package, artifacts=kept)
