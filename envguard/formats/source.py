"""A policy and the lock that it names, from their files to what can judge."""

from __future__ import annotations

from pathlib import Path

from envguard.domain.lock import Lock, LockedPackage
from envguard.domain.policy import (
    Deny,
    KnownPolicy,
    LockedPolicy,
    PackageRule,
    Policy,
    PolicySource,
    Rules,
    UnusablePolicy,
)
from envguard.domain.versions import allows
from envguard.errors import PolicyError
from envguard.formats.files import POLICY_LIMIT_BYTES, read_text
from envguard.formats.locks import parse_lock
from envguard.formats.nodes import Problems
from envguard.formats.policy import examine_policy


def read_source(path: Path) -> PolicySource:
    """Answer the files of a policy: itself, and the lock that it names, relative to its own folder.

    Whether they can be used is not asked. Raises PolicyError where one cannot be read, with all else that is
    wrong with the policy.
    """
    text = read_text(path, "policy", limit_bytes=POLICY_LIMIT_BYTES)
    policy, problems = examine_policy(text, filename=path.name)
    if policy.lock is None:
        return PolicySource(filename=path.name, text=text)
    place, lock_text = policy.places["lock"], None
    try:
        lock_text = read_text(path.parent / policy.lock, "lock", where=f"{place}: lock")
    except PolicyError as error:
        problems.take(error, place)
        problems.raise_all()
    return PolicySource(filename=path.name, text=text, lock_filename=policy.lock, lock_text=lock_text)


def parse_source(
    source: PolicySource, *, revision: int | None = None, lock_revision: int | None = None
) -> LockedPolicy:
    """Answer the policy and its lock; raises PolicyError with every problem of both, and between them."""
    policy, problems = examine_policy(source.text, filename=source.filename)
    lock = _lock_of(policy, source, problems) if policy.lock is not None else None
    problems.raise_all()
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
    return parse_source(read_source(path))


def policy_for_lock(lock_filename: str, lock: Lock) -> LockedPolicy:
    """Answer a policy that wants just this lock, and warns of what is outside it."""
    places = {"lock": lock_filename, "unlisted": lock_filename}
    policy = Policy(name=lock_filename, rules=Rules(unlisted="warn"), lock=lock_filename, places=places)
    return LockedPolicy(policy=policy, lock=lock)


def _lock_of(policy: Policy, source: PolicySource, problems: Problems) -> Lock | None:
    """Answer the lock that a policy names; None, and a problem, where there is none that can be used."""
    if source.lock_text is None or source.lock_filename is None:
        place = policy.places["lock"]
        what = f"the lock is not there: {policy.lock}"
        problems.take(PolicyError(what, where=f"{place}: lock", hint="send it with the policy"), place)
        return None
    try:
        lock = parse_lock(source.lock_text, filename=source.lock_filename)
    except PolicyError as error:
        problems.take(error)
        return None
    _check_agreement(policy, lock, source.lock_filename, problems)
    return lock


def _check_agreement(policy: Policy, lock: Lock, lock_name: str, problems: Problems) -> None:
    """Note every rule that no environment with this lock could meet."""
    rules = {rule.name: rule for rule in policy.rules.packages}
    for package in lock.packages:
        rule = rules.get(package.name)
        if rule is None or package.marker is not None:
            continue
        found = _contradiction(rule, package, lock_name)
        if found is not None:
            what, hint = found
            key = f"packages.{package.name}"
            place = policy.places[key]
            problems.take(PolicyError(what, where=f"{place}: {key}", hint=hint), place)


def _contradiction(rule: PackageRule, package: LockedPackage, lock_name: str) -> tuple[str, str] | None:
    if isinstance(rule, Deny):
        pinned = f"{package.name} {package.version}" if package.version is not None else package.name
        return f"denied, but the lock {lock_name} wants {pinned}", "lock anew without it, or drop the rule"
    if package.version is None or not rule.specifier or allows(rule.specifier, package.version):
        return None
    what = f"`{rule.specifier}` excludes {package.version}, which the lock {lock_name} wants"
    return what, "lock anew, or widen the rule"
