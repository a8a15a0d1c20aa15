"""Whether what a policy says can hold: with its lock, and now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from envguard.domain.locks.lock import Chosen, Lock, LockedPackage
from envguard.domain.policy import Deny, PackageRule, Policy
from envguard.domain.versions import allows
from envguard.errors import PolicyError
from envguard.formats.files import shown
from envguard.formats.nodes import Problems, right_word


def check_agreement(policy: Policy, lock_name: str, lock: Lock, problems: Problems) -> None:
    """Note every rule and choice that no environment with this lock could meet."""
    _check_choices(policy, lock_name, lock, problems)
    _check_exclusive(policy, lock_name, lock, problems)
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


def _check_exclusive(policy: Policy, lock_name: str, lock: Lock, problems: Problems) -> None:
    choice = policy.rules.choice
    groups = lock.default_groups if choice.groups is None else choice.groups
    chosen = {Chosen("extra", name): f"lock.extras[{index}]" for index, name in enumerate(choice.extras)}
    for index, name in enumerate(groups):
        chosen[Chosen("group", name)] = "lock" if choice.groups is None else f"lock.groups[{index}]"
    for several in lock.exclusive:
        together = [each for each in chosen if each in several]
        if len(together) > 1:
            names = " and ".join(f"{each.kind} `{shown(each.name)}`" for each in together)
            what = f"the lock {lock_name} has these exclude each other: {names}"
            problems.add_at(chosen[together[-1]], what, "choose one of them")


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


def ended_waivers(policy: Policy, now: datetime) -> Iterator[PolicyError]:
    """Yield a policy's waivers that have ended, each as what is wrong with it; ``now`` is aware."""
    for index, waiver in enumerate(policy.waivers):
        if waiver.until <= now:
            key = f"waivers[{index}].until"
            what = f"{waiver.package}'s waiver ended on {waiver.until:%Y-%m-%d %H:%M} UTC: take it out"
            yield PolicyError(what, where=f"{policy.places[key]}: {key}")
