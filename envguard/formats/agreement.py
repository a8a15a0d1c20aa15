"""Whether a policy and its lock can both hold: what no environment could meet is an error of the files."""

from __future__ import annotations

from envguard.domain.locks.lock import Lock, LockedPackage
from envguard.domain.policy import Deny, PackageRule, Policy
from envguard.domain.versions import allows
from envguard.formats.files import shown
from envguard.formats.nodes import Problems, right_word


def check_agreement(policy: Policy, lock_name: str, lock: Lock, problems: Problems) -> None:
    """Note every rule and choice that no environment with this lock could meet."""
    _check_choices(policy, lock_name, lock, problems)
    _check_rules(policy, lock_name, lock, problems)


def _check_choices(policy: Policy, lock_name: str, lock: Lock, problems: Problems) -> None:
    choice = policy.rules.choice
    for kind, chosen, known in (
        ("extra", choice.extras, lock.extras),
        ("group", choice.groups or (), tuple(dict.fromkeys((*lock.groups, *lock.default_groups)))),
    ):
        for index, name in enumerate(chosen):
            if name not in known:
                hint = right_word(name, known) if known else f"it has no {kind}s"
                what = f"the lock {lock_name} has no {kind} `{shown(name)}`"
                problems.add_at(f"lock.{kind}s[{index}]", what, hint)


def _check_rules(policy: Policy, lock_name: str, lock: Lock, problems: Problems) -> None:
    rules = {rule.name: rule for rule in policy.rules.packages}
    for package in lock.packages if lock.roots is None else ():
        rule = rules.get(package.name)
        if rule is None or package.marker is not None or (package.only_constrains and isinstance(rule, Deny)):
            continue
        found = _contradiction(rule, package, lock_name)
        if found is not None:
            problems.add_at(f"packages.{package.name}", *found)


def _contradiction(rule: PackageRule, package: LockedPackage, lock_name: str) -> tuple[str, str] | None:
    if isinstance(rule, Deny):
        pinned = f"{package.name} {package.version}" if package.version is not None else package.name
        return f"denied, but the lock {lock_name} wants {pinned}", "lock anew without it, or drop the rule"
    if package.version is None or not rule.specifier or allows(rule.specifier, package.version):
        return None
    what = f"`{rule.specifier}` excludes {package.version}, which the lock {lock_name} wants"
    return what, "lock anew, or widen the rule"
