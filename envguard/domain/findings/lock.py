"""How a lock differs from a policy, before anybody installs it.

Rules
1. No environment is known, so every entry counts that some environment would have: what one entry breaks, the
   lock breaks. What the lock only constrains, none would have by it.
2. A rule's package that no entry has is missing, unless it is optional.
3. Against the policy's own lock each entry is compared with those of its name: a version that it does not
   have is a mismatch, a name that it does not have is unlisted.
4. A lock whose Python excludes every Python of the policy is a mismatch; 3.6 to 3.20 are tried.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from envguard.domain.findings.builds import has_label, local_label
from envguard.domain.findings.finding import Finding, FindingKind, ranked
from envguard.domain.findings.packages import NEVER_UNLISTED
from envguard.domain.locks.lock import Lock, LockedPackage
from envguard.domain.policy import Deny, PackageRule, Require, Rules
from envguard.domain.versions import PYTHON_MINORS, allows, patches_of

_Entries = Mapping[str, tuple[LockedPackage, ...]]


def compare_lock(lock: Lock, rules: Rules, wanted: Lock | None) -> tuple[Finding, ...]:
    """Answer in what a lock differs from rules, and from the lock that the policy names."""
    entries = _by_name(lock)
    findings = [
        *_python(lock, rules),
        *(found for rule in rules.packages for found in _ruled(rule, entries.get(rule.name, ()))),
    ]
    if wanted is not None:
        told = {found.package or "" for found in findings}
        findings += _against(entries, _by_name(wanted), rules, told)
    return ranked(findings)


def _by_name(lock: Lock) -> _Entries:
    found: dict[str, list[LockedPackage]] = defaultdict(list)
    for package in lock.packages:
        if package.name != lock.project and not package.only_constrains:
            found[package.name].append(package)
    return {name: tuple(packages) for name, packages in found.items()}


def _python(lock: Lock, rules: Rules) -> Iterator[Finding]:
    asked, made_for = rules.python.version, lock.requires_python
    if asked is None or made_for is None:
        return
    pythons = (python for minor in PYTHON_MINORS for python in patches_of(minor))
    if not any(allows(asked, python) and allows(made_for, python) for python in pythons):
        yield Finding(kind="interpreter-mismatch", rule="python", expected=asked, actual=made_for)


def _ruled(rule: PackageRule, entries: tuple[LockedPackage, ...]) -> Iterator[Finding]:
    if isinstance(rule, Deny):
        if entries:
            yield _finding("denied", rule, "absent", entries)
    elif not entries:
        if not rule.optional:
            yield _finding("missing", rule, rule.specifier or "any version", entries)
    else:
        yield from _required(rule, entries)


def _required(rule: Require, entries: tuple[LockedPackage, ...]) -> Iterator[Finding]:
    specifier = rule.specifier
    versioned = (each for each in entries if each.version is not None and specifier)
    wrong = tuple(each for each in versioned if not allows(specifier, each.version or ""))
    if wrong:
        yield _finding("version-mismatch", rule, rule.specifier, wrong)
        return
    others = tuple(each for each in entries if rule.build is not None and _is_other_build(rule.build, each))
    if others:
        yield _finding("build-mismatch", rule, rule.build or "", others)


def _is_other_build(build: str, entry: LockedPackage) -> bool:
    """Whether the entry says that it is another build; one that says nothing is none."""
    label = local_label(entry.version or "")
    return label is not None and not has_label(label, build)


def _finding(
    kind: FindingKind, rule: PackageRule, expected: str, entries: tuple[LockedPackage, ...]
) -> Finding:
    return Finding(
        kind=kind,
        rule=f"packages.{rule.name}",
        severity=rule.severity,
        package=rule.name,
        expected=expected,
        actual=_versions(entries),
        reason=rule.reason,
    )


def _against(entries: _Entries, wanted: _Entries, rules: Rules, told: set[str]) -> Iterator[Finding]:
    for name in sorted(wanted.keys() - entries.keys() - told):
        yield Finding(kind="missing", rule="lock", package=name, expected=_versions(wanted[name]))
    for name in sorted((wanted.keys() & entries.keys()) - told):
        known = {each.version for each in wanted[name]}
        others = tuple(each for each in entries[name] if each.version not in known)
        if others:
            yield Finding(
                kind="version-mismatch",
                rule="lock",
                package=name,
                expected=_versions(wanted[name]),
                actual=_versions(others),
            )
    if rules.unlisted != "ignore":
        named = {rule.name for rule in rules.packages}
        for name in sorted(entries.keys() - wanted.keys() - named - NEVER_UNLISTED):
            yield Finding(
                kind="unlisted",
                rule="unlisted",
                severity=rules.unlisted,
                package=name,
                expected="absent",
                actual=_versions(entries[name]),
            )


def _versions(entries: tuple[LockedPackage, ...]) -> str | None:
    told = (each.version or each.specifier or "no version" for each in entries)
    return ", ".join(dict.fromkeys(told)) or None
