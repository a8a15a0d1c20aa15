"""A policy and the lock that it names, from their files to what can judge."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.locks.lock import Lock
from envguard.domain.policy import (
    EarlierLock,
    EarlierSource,
    FurtherFile,
    KnownPolicy,
    LockedPolicy,
    Policy,
    PolicySource,
    Rules,
    UnusablePolicy,
)
from envguard.errors import PolicyError
from envguard.formats.companions import Companions, FolderFiles, KeptFiles
from envguard.formats.files import POLICY_LIMIT_BYTES, ReadBytes, read_bytes, read_text, shown
from envguard.formats.locks import is_lock_name, parse_lock

if TYPE_CHECKING:
    from envguard.formats.nodes import Problems


def read_source(path: Path) -> PolicySource:
    """Answer the files of a policy: itself, its lock, and all that these name, relative to its own folder.

    Raises PolicyError with everything that is wrong with them: what cannot be used does not travel.
    """
    text, files = _opened(path)
    locked = judging_policy(text, path.name, files)
    lock = locked.policy.lock
    further = tuple(FurtherFile(name, files.texts[name]) for name in sorted(files.texts.keys() - {lock}))
    lock_text = files.texts[lock] if lock is not None else None
    return PolicySource(
        filename=path.name, text=text, lock_filename=lock, lock_text=lock_text, further=further
    )


def parse_source(
    source: PolicySource, *, revision: int | None = None, lock_revision: int | None = None
) -> LockedPolicy:
    """Answer the policy and its lock; raises PolicyError with everything wrong with them and between them."""
    kept = {file.name: file.text for file in source.further}
    if source.lock_filename is not None and source.lock_text is not None:
        kept[source.lock_filename] = source.lock_text
    locked = judging_policy(source.text, source.filename, KeptFiles(kept))
    return msgspec.structs.replace(locked, revision=revision, lock_revision=lock_revision)


def parse_known(name: str, source: PolicySource, *, revision: int, lock_revision: int | None) -> KnownPolicy:
    """Answer a numbered policy as it was kept; one that this version cannot read says why.

    It was accepted once, by this or by another version: refusing to go on would blind every other policy.
    """
    try:
        parsed = parse_source(source, revision=revision, lock_revision=lock_revision)
    except PolicyError as error:
        return UnusablePolicy(
            name=name, reason=str(error.problems[0] if error.problems else error), revision=revision
        )
    if parsed.policy.name != name:
        reason = f"its file names another policy: {parsed.policy.name}"
        return UnusablePolicy(name=name, reason=reason, revision=revision)
    return parsed


def earlier_locks(name: str, sources: Iterable[EarlierSource]) -> tuple[EarlierLock, ...]:
    """Answer the locks of earlier revisions of a policy; one that this version cannot read judges nothing."""
    parsed = (
        (each, parse_known(name, each.source, revision=0, lock_revision=each.lock_revision))
        for each in sources
    )
    return tuple(
        EarlierLock(lock=known.lock, revision=each.lock_revision, until=each.until)
        for each, known in parsed
        if isinstance(known, LockedPolicy) and known.lock is not None
    )


def load_policy(path: Path, read: ReadBytes = read_bytes) -> LockedPolicy:
    """Read a policy file and its lock; raises PolicyError with everything wrong with them."""
    text, files = _opened(path, read)
    folder = str(path.parent.absolute())
    return msgspec.structs.replace(judging_policy(text, path.name, files), folder=folder)


def policy_for_lock(path: Path, lock: Lock) -> LockedPolicy:
    """Answer a policy that wants just the lock of this file, and warns of what is outside it."""
    places = {"lock": path.name, "unlisted": path.name}
    policy = Policy(name=path.name, rules=Rules(unlisted="warn"), lock=path.name, places=places)
    return LockedPolicy(policy=policy, lock=lock, folder=str(path.parent.absolute()))


def _opened(path: Path, read: ReadBytes = read_bytes) -> tuple[str, FolderFiles]:
    text = read_text(path, "policy", limit_bytes=POLICY_LIMIT_BYTES, read=read)
    return text, FolderFiles(path.parent, read)


def judging_policy(text: str, filename: str, files: Companions) -> LockedPolicy:
    """Answer the policy that a text says, with its lock; ``files`` has what it names. Raises PolicyError."""
    from envguard.formats.policy import examine_policy

    policy, problems = examine_policy(text, filename=filename, companions=files)
    lock = _lock_of(policy, policy.lock, files, problems) if policy.lock is not None else None
    problems.raise_all()
    return LockedPolicy(policy=policy, lock=lock)


def _lock_of(policy: Policy, name: str, files: Companions, problems: Problems) -> Lock | None:
    """Answer the lock that a policy names; None, and a problem, where there is none that can be used."""
    place = problems.places["lock"]
    try:
        text = files.read(name, "lock", f"{place}: lock")
    except PolicyError as error:
        problems.take(error, place)
        return None
    try:
        lock = parse_lock(text, filename=name, companions=files)
    except PolicyError as error:
        if is_lock_name(name):
            problems.take(error)
        else:
            problems.add_at("lock", f"{error.what}: `{shown(name)}`", error.hint)
        return None
    from envguard.formats.agreement import check_agreement

    check_agreement(policy, name, lock, problems)
    return lock
