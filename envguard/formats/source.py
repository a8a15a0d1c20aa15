"""A policy and the lock that it names, from their files to what can judge."""

from __future__ import annotations

from pathlib import Path

from envguard.domain.lock import Lock
from envguard.domain.policy import Deny, LockedPolicy, Policy, PolicySource, Require, Rules
from envguard.domain.versions import allows
from envguard.errors import PolicyError
from envguard.formats.locks import parse_lock, read_text
from envguard.formats.policy import parse_policy

_POLICY_LIMIT_BYTES = 1024 * 1024


def read_source(path: Path) -> PolicySource:
    """Answer the files of a policy: itself, and the lock that it names, relative to its own folder.

    Raises PolicyError where one cannot be read, or where the policy is too broken to name its lock.
    """
    text = read_text(path, "policy", limit_bytes=_POLICY_LIMIT_BYTES)
    policy = parse_policy(text, filename=path.name)
    if policy.lock is None:
        return PolicySource(filename=path.name, text=text)
    where = f"{policy.places['lock']}: lock"
    lock_text = read_text(path.parent / policy.lock, "lock", where=where)
    return PolicySource(filename=path.name, text=text, lock_filename=policy.lock, lock_text=lock_text)


def parse_source(
    source: PolicySource, *, revision: int | None = None, lock_revision: int | None = None
) -> LockedPolicy:
    """Answer the policy and its lock; raises PolicyError where they cannot both hold."""
    policy = parse_policy(source.text, filename=source.filename)
    lock = None
    if policy.lock is not None:
        if source.lock_text is None or source.lock_filename is None:
            raise PolicyError("the lock is not there", where=f"{policy.places['lock']}: lock")
        lock = parse_lock(source.lock_text, filename=source.lock_filename)
        _agree(policy, lock)
    return LockedPolicy(policy=policy, lock=lock, revision=revision, lock_revision=lock_revision)


def load_policy(path: Path) -> LockedPolicy:
    """Read a policy file and its lock; raises PolicyError with every problem that it has."""
    return parse_source(read_source(path))


def policy_for_lock(lock_filename: str, lock: Lock) -> LockedPolicy:
    """Answer a policy that wants just this lock, and warns of what is outside it."""
    places = {"lock": lock_filename, "unlisted": lock_filename}
    policy = Policy(name=lock_filename, rules=Rules(unlisted="warn"), lock=lock_filename, places=places)
    return LockedPolicy(policy=policy, lock=lock)


def _agree(policy: Policy, lock: Lock) -> None:
    rules = {rule.name: rule for rule in policy.rules.packages}
    problems = []
    for package in lock.packages:
        rule = rules.get(package.name)
        where = f"{policy.places.get(f'packages.{package.name}')}: packages.{package.name}"
        always = package.marker is None
        if isinstance(rule, Deny) and always:
            problems.append(
                PolicyError(f"denied, but the lock {policy.lock} wants {package.version}", where=where)
            )
        elif (
            isinstance(rule, Require)
            and always
            and package.version is not None
            and rule.specifier
            and not allows(rule.specifier, package.version)
        ):
            what = f"`{rule.specifier}` excludes {package.version}, which the lock {policy.lock} wants"
            problems.append(PolicyError(what, where=where, hint="lock anew, or widen the rule"))
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise PolicyError(f"{len(problems)} problems", where=policy.places["lock"], problems=problems)
