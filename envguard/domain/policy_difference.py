"""In what two policies differ, in words: what a lead reads before a push, and a team after it.

Rules
1. Policies are compared as they come out: with what they extend laid under them, and with their locks.
2. What belongs to a name (a package's rule, a fact, a key) was added, removed, or changed from one text to
   another. Entries without a name (waivers, freezes, requirements) were added or removed.
3. There is no change if, and only if, the two policies are equal.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from envguard.domain.calendar import Calendar, Freeze, UpgradeWindow, civil_text, duration_text, weekly_text
from envguard.domain.difference import ContentDifference, lock_differences
from envguard.domain.environment import digest_of_text
from envguard.domain.locks.lock import Lock
from envguard.domain.policy import (
    Deny,
    LockedPolicy,
    PackageRule,
    Policy,
    Ring,
    Rules,
    Selector,
    Severity,
    UpgradeRules,
    Waiver,
)

ChangeKind = Literal["added", "removed", "changed"]


class PolicyChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change of what a policy says."""

    key: str
    """The key's path, such as ``packages.gym``; for an entry of a list that of the list."""
    kind: ChangeKind
    before: str | None = None
    after: str | None = None


class PolicyDifference(msgspec.Struct, frozen=True, kw_only=True):
    """All in which two policies differ."""

    changes: tuple[PolicyChange, ...]
    """In the order in which policies are written."""
    lock: ContentDifference = ContentDifference()
    """In what their locks differ; of a policy without one, as if it locked nothing."""

    @property
    def is_empty(self) -> bool:
        """Whether the policies are equal."""
        return not self.changes and self.lock.is_empty


def policy_difference(a: LockedPolicy, b: LockedPolicy) -> PolicyDifference:
    """Answer in what ``b`` differs from ``a``."""
    changes = [
        *_values_apart(dict(_values(a.policy)), dict(_values(b.policy))),
        *_lists_apart(dict(_lists(a.policy)), dict(_lists(b.policy))),
    ]
    lock = lock_differences(a.lock or _NO_LOCK, b.lock or _NO_LOCK)
    if lock.is_empty and a.lock is not None and b.lock is not None and a.lock.digest != b.lock.digest:
        changes.append(PolicyChange(key="lock", kind="changed", before=a.lock.digest, after=b.lock.digest))
    return PolicyDifference(changes=tuple(sorted(changes, key=_rank)), lock=lock)


_WORD = re.compile(r"[^\s,;\"]*[^\s,;:\"]")
_NO_LOCK = Lock(packages=(), digest=digest_of_text(""))
_ORDER = (
    "name",
    "description",
    "python",
    "lock",
    "packages",
    "unlisted",
    "origins",
    "integrity",
    "broken-requirements",
    "before-run",
    "machine",
    "applies-to",
    "calendar",
    "upgrade",
    "waivers",
)

_Values = Iterator[tuple[str, str | None]]
_Lists = Iterator[tuple[str, Sequence[str]]]


def _rank(change: PolicyChange) -> tuple[int, str]:
    return _ORDER.index(change.key.partition(".")[0]), change.key


def _values_apart(a: Mapping[str, str | None], b: Mapping[str, str | None]) -> Iterator[PolicyChange]:
    for key in dict.fromkeys([*a, *b]):
        before, after = a.get(key), b.get(key)
        if before != after:
            kind: ChangeKind = "added" if before is None else "removed" if after is None else "changed"
            yield PolicyChange(key=key, kind=kind, before=before, after=after)


def _lists_apart(a: Mapping[str, Sequence[str]], b: Mapping[str, Sequence[str]]) -> Iterator[PolicyChange]:
    for key in dict.fromkeys([*a, *b]):
        before, after = list(a.get(key, ())), list(b.get(key, ()))
        removed, added = Counter(before) - Counter(after), Counter(after) - Counter(before)
        for text in removed.elements():
            yield PolicyChange(key=key, kind="removed", before=text)
        for text in added.elements():
            yield PolicyChange(key=key, kind="added", after=text)
        if not removed and not added and before != after:
            yield PolicyChange(key=key, kind="changed", before=", ".join(before), after=", ".join(after))


def _values(policy: Policy) -> _Values:
    yield "name", policy.name
    yield "description", policy.description
    yield from _of_rules(policy.rules)
    yield "lock", policy.lock
    yield "before-run", policy.before_run
    if policy.calendar is not None:
        yield from _of_calendar(policy.calendar)
    if policy.upgrade is not None:
        yield from _of_upgrade(policy.upgrade)


def _lists(policy: Policy) -> _Lists:
    yield "lock.extras", policy.rules.choice.extras
    yield "applies-to", [_selector_text(each) for each in policy.applies_to]
    yield "waivers", [_waiver_text(each) for each in policy.waivers]
    if policy.calendar is not None:
        yield "calendar.freezes", [_freeze_text(each) for each in policy.calendar.freezes]
    if policy.upgrade is not None:
        yield "upgrade.requirements", policy.upgrade.requirements
        yield "upgrade.indexes", policy.upgrade.indexes
        yield "upgrade.build-allowed", policy.upgrade.build_allowed
        yield "upgrade.smoke", policy.upgrade.smoke


def _of_rules(rules: Rules) -> _Values:
    python = rules.python
    yield "python.version", python.version
    yield "python.implementation", python.implementation
    yield "python.free-threaded", None if python.free_threaded is None else _truth(python.free_threaded)
    groups = rules.choice.groups
    yield "lock.groups", None if groups is None else ", ".join(groups) or "none"
    for rule in rules.packages:
        yield f"packages.{rule.name}", _rule_text(rule)
    yield "unlisted", rules.unlisted
    yield "origins.editable", rules.origins.editable
    yield "origins.vcs", rules.origins.vcs
    yield "origins.direct-url", rules.origins.direct_url
    yield "integrity", rules.integrity
    yield "broken-requirements", rules.broken_requirements
    for fact in rules.machine:
        yield f"machine.{fact.fact}", _joined(fact.expected, *_meaning(fact.severity, fact.reason))


def _of_calendar(calendar: Calendar) -> _Values:
    yield "calendar.timezone", calendar.timezone or "each machine's own"
    if calendar.upgrade is not None:
        yield from _of_window(calendar.upgrade)


def _of_window(window: UpgradeWindow) -> _Values:
    yield "calendar.upgrade.every", weekly_text(window.every)
    yield "calendar.upgrade.for", duration_text(window.length_s)
    yield "calendar.upgrade.cutoff", duration_text(window.cutoff_s)
    propose = "72h before" if window.propose is None else weekly_text(window.propose)
    yield "calendar.upgrade.propose", propose


def _of_upgrade(upgrade: UpgradeRules) -> _Values:
    yield "upgrade.minimum-release-age", duration_text(upgrade.minimum_release_age_s)
    yield "upgrade.only-wheels", _truth(upgrade.only_wheels)
    yield "upgrade.unlisted", upgrade.unlisted
    yield "upgrade.missed", upgrade.missed
    yield "upgrade.rings", "; ".join(map(_ring_text, upgrade.rings))
    yield "upgrade.grace", duration_text(upgrade.grace_s)
    yield "upgrade.halt-after-failures", str(upgrade.halt_after_failures)


def _rule_text(rule: PackageRule) -> str:
    if isinstance(rule, Deny):
        return _joined("denied", *_meaning(rule.severity, rule.reason))
    return _joined(
        rule.specifier or "any version",
        *([f"build {rule.build}"] if rule.build is not None else ()),
        *(["where installed"] if rule.optional else ()),
        *_meaning(rule.severity, rule.reason),
    )


def _meaning(severity: Severity, reason: str | None) -> Iterator[str]:
    if severity != "error":
        yield severity
    if reason is not None:
        yield f"because: {reason}"


def _selector_text(selector: Selector) -> str:
    return f"{_listed(selector.environments)} on {_listed(selector.machines)}"


def _waiver_text(waiver: Waiver) -> str:
    about = f"{waiver.package} ({waiver.kind})" if waiver.kind is not None else waiver.package
    whose = f"on {_quoted(waiver.machine)}" if waiver.machine is not None else "everywhere"
    if waiver.environment is not None:
        whose += f" in {_quoted(waiver.environment)}"
    until = waiver.until.isoformat(sep=" ").replace("+00:00", " UTC")
    return f"{about} {whose} until {until}, by {_quoted(waiver.approved_by)}: {waiver.reason}"


def _freeze_text(freeze: Freeze) -> str:
    return f"{civil_text(freeze.start)} to {civil_text(freeze.until)}: {freeze.reason}"


def _ring_text(ring: Ring) -> str:
    soak = [f"soak {duration_text(ring.soak_s)}"] if ring.soak_s else []
    at_once = [f"{ring.at_once} at once"] if ring.at_once is not None else []
    return _joined(_listed(ring.machines), *soak, *at_once)


def _listed(names: Sequence[str]) -> str:
    return _joined(*map(_quoted, names))


def _quoted(name: str) -> str:
    """A name as one word: two different entries are never told in the same words."""
    return name if _WORD.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _truth(value: bool) -> str:
    return "true" if value else "false"


def _joined(*parts: str) -> str:
    return ", ".join(parts)
