"""What an environment contains as a ``pylock.toml``, as far as its files are known.

Installers keep no hashes. Of a package in the very version that the governing lock has, the files are the
lock's; of all others a lock can say nothing that would hold.
"""

from __future__ import annotations

import msgspec

from envguard.domain.environment import Environment
from envguard.domain.frozen import frozen
from envguard.domain.locks.lock import Artifact, LeftOut, Lock, LockedPackage
from envguard.formats.locks.write_pylock import write_pylock


class Pinned(msgspec.Struct, frozen=True):
    """A lock's text, and what it cannot hold."""

    text: str
    """Empty where it would hold nothing."""
    left_out: tuple[LeftOut, ...]


def pinned(environment: Environment, governing: Lock | None) -> Pinned:
    """Answer the lock of what is installed; ``governing`` is the lock that says which files there are."""
    project = environment.record.project
    found = frozen(environment.snapshot, project.name if project is not None else None)
    known = _files(governing)
    packages = tuple(
        msgspec.structs.replace(each, artifacts=each.artifacts or known.get((each.name, each.version), ()))
        for each in found.pinned
    )
    lock = Lock(
        packages=packages,
        digest=environment.record.digest,
        requires_python=f"=={environment.snapshot.interpreter.version}",
    )
    text, left_out = write_pylock(lock)
    rules = (LeftOut(rule.name, None, rule.reason or "a rule says what it may be") for rule in found.rules)
    return Pinned(
        text if len(left_out) < len(packages) else "",
        tuple(sorted((*left_out, *found.left_out, *rules), key=lambda each: each.name)),
    )


def _files(lock: Lock | None) -> dict[tuple[str, str | None], tuple[Artifact, ...]]:
    packages: tuple[LockedPackage, ...] = lock.packages if lock is not None else ()
    return {(each.name, each.version): each.artifacts for each in packages if each.origin is None}
