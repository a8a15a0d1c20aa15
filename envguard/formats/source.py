"""A policy and the lock that it names, from their files to what can judge."""

from __future__ import annotations

from pathlib import Path

import msgspec

from envguard.domain.lock import Lock
from envguard.domain.policy import (
    FurtherFile,
    KnownPolicy,
    LockedPolicy,
    Policy,
    PolicySource,
    Rules,
    UnusablePolicy,
)
from envguard.errors import PolicyError
from envguard.formats.agreement import check_agreement
from envguard.formats.companions import FolderFiles, KeptFiles
from envguard.formats.files import POLICY_LIMIT_BYTES, read_text
from envguard.formats.locks import parse_lock
from envguard.formats.policy import parse_policy


def read_source(path: Path) -> PolicySource:
    """Answer the files of a policy: itself, its lock, and all that these name, relative to its own folder.

    Raises PolicyError where one cannot be read, or where one is too broken to name the next.
    """
    text = read_text(path, "policy", limit_bytes=POLICY_LIMIT_BYTES)
    files = FolderFiles(path.parent)
    policy = parse_policy(text, filename=path.name, companions=files)
    lock_text = None
    if policy.lock is not None:
        lock_text = files.read(policy.lock, "lock", f"{policy.places['lock']}: lock")
        parse_lock(lock_text, filename=policy.lock, companions=files)
    further = tuple(
        FurtherFile(name, files.texts[name]) for name in sorted(files.texts.keys() - {policy.lock})
    )
    return PolicySource(
        filename=path.name, text=text, lock_filename=policy.lock, lock_text=lock_text, further=further
    )


def parse_source(
    source: PolicySource, *, revision: int | None = None, lock_revision: int | None = None
) -> LockedPolicy:
    """Answer the policy and its lock; raises PolicyError where they cannot both hold."""
    kept = {file.name: file.text for file in source.further}
    if source.lock_filename is not None and source.lock_text is not None:
        kept[source.lock_filename] = source.lock_text
    files = KeptFiles(kept)
    policy = parse_policy(source.text, filename=source.filename, companions=files)
    lock = None
    if policy.lock is not None:
        lock_text = files.read(policy.lock, "lock", f"{policy.places['lock']}: lock")
        lock = parse_lock(lock_text, filename=policy.lock, companions=files)
        check_agreement(policy, policy.lock, lock)
    return LockedPolicy(policy=policy, lock=lock, revision=revision, lock_revision=lock_revision)


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


def load_policy(path: Path) -> LockedPolicy:
    """Read a policy file and its lock; raises PolicyError with every problem that it has."""
    return msgspec.structs.replace(parse_source(read_source(path)), folder=str(path.parent.absolute()))


def policy_for_lock(path: Path, lock: Lock) -> LockedPolicy:
    """Answer a policy that wants just the lock of this file, and warns of what is outside it."""
    places = {"lock": path.name, "unlisted": path.name}
    policy = Policy(name=path.name, rules=Rules(unlisted="warn"), lock=path.name, places=places)
    return LockedPolicy(policy=policy, lock=lock, folder=str(path.parent.absolute()))
