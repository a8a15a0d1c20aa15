"""How an environment differs from its policy: ``compare`` finds it, ``judge`` decides what it means here.

Rules
1. ``compare`` reads a snapshot, machine facts, rules and a lock, and nothing else: its answer may be kept by
   the digests of those four and by :data:`ENGINE`.
2. ``judge`` adds what is true of one machine at one moment (waivers, places, commands) and is never kept.
3. One finding per cause: where a rule and the lock speak of one package, the rule speaks first.
4. ``unreadable`` makes the verdict ``unknown``: what could not be read is never compliant.
5. A waived finding stays visible and does not count; it counts again from the waiver's end on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from envguard.domain.environment import Interpreter, Snapshot
from envguard.domain.facts import MachineFacts
from envguard.domain.lock import Lock, LockedPackage
from envguard.domain.policy import Deny, PackageRule, PythonRule, Require, Rules, Severity
from envguard.domain.remedy import Install, Remake, Remedy, Remove
from envguard.domain.selection import Ambiguous, Selection, WrongPython, marker_values, select
from envguard.domain.versions import allows, is_specifier, pin

ENGINE = 2
"""The version of ``compare``: part of the key under which its answers are kept."""

NEVER_UNLISTED = frozenset({"pip", "setuptools", "wheel", "uv", "envguard-guard"})
"""Tools that every environment may have."""

FindingKind = Literal[
    "interpreter-mismatch",
    "missing",
    "version-mismatch",
    "denied",
    "unlisted",
    "duplicate",
    "shadowed",
    "unreadable",
]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which an environment differs from its policy."""

    kind: FindingKind
    rule: str
    """The key path of the policy that says so: ``python``, ``packages.gym``, ``lock``, ``unlisted``."""
    severity: Severity = "error"
    package: str | None = None
    expected: str | None = None
    actual: str | None = None
    reason: str | None = None
    remedy: Remedy | None = None


def compare(snapshot: Snapshot, facts: MachineFacts, rules: Rules, lock: Lock | None) -> tuple[Finding, ...]:
    """Answer every difference, most severe first; within a severity interpreter, rules, lock, the rest."""
    selection = None if lock is None else select(lock, marker_values(snapshot.interpreter, facts))
    locked = dict(selection.packages) if selection and not isinstance(selection, _UNSELECTED) else {}
    installed = _versions(snapshot)
    findings = [
        *_problems(snapshot),
        *_interpreter(snapshot.interpreter, rules.python),
        *_lock_itself(selection, snapshot.interpreter),
        *_ruled(rules.packages, installed, locked),
        *_locked(locked, installed, {rule.name for rule in rules.packages}),
    ]
    if not isinstance(selection, _UNSELECTED):
        findings += _unlisted(rules, installed, locked)
    return ranked(findings)


def ranked(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Answer the findings in the order in which they are told."""
    return tuple(sorted(findings, key=_rank))


_UNSELECTED = (WrongPython, Ambiguous)
_SEVERITIES: tuple[Severity, ...] = ("error", "warn", "info")
_UNREADABLE = {
    "unreadable": "its metadata could not be read",
    "base-missing": "the interpreter that it was made from is gone",
    "not-an-environment": "its interpreter does not run what is installed here",
    "incomplete": "reading it was cut off before the end",
}


def _versions(snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for package in snapshot.packages:
        found[package.name].append(package.version)
    return {name: tuple(dict.fromkeys(versions)) for name, versions in found.items()}


def _problems(snapshot: Snapshot) -> Iterable[Finding]:
    for problem in snapshot.problems:
        if problem.kind in _UNREADABLE:
            reason = _UNREADABLE[problem.kind]
            yield Finding(kind="unreadable", rule="environment", package=problem.package, reason=reason)
        elif problem.kind == "duplicate":
            reason = "two versions in one folder: an installation was cut off, or two ran at once"
            yield Finding(
                kind="duplicate", rule="environment", severity="warn", package=problem.package, reason=reason
            )
        elif problem.kind == "shadowed":
            reason = "installed in two folders; the first on the path counts"
            yield Finding(
                kind="shadowed", rule="environment", severity="info", package=problem.package, reason=reason
            )


def _interpreter(interpreter: Interpreter, rule: PythonRule) -> Iterable[Finding]:
    expected: list[str] = []
    actual: list[str] = []
    if rule.implementation and rule.implementation.lower() != interpreter.implementation.lower():
        expected.append(rule.implementation)
        actual.append(interpreter.implementation)
    if rule.version and not allows(rule.version, interpreter.version):
        expected.append(rule.version)
        actual.append(interpreter.version)
    if rule.free_threaded is not None and rule.free_threaded != interpreter.free_threaded:
        expected.append("free-threaded" if rule.free_threaded else "with the GIL")
        actual.append("free-threaded" if interpreter.free_threaded else "with the GIL")
    if expected:
        yield Finding(
            kind="interpreter-mismatch",
            rule="python",
            expected=" ".join(expected),
            actual=" ".join(actual),
            remedy=_remake(rule),
        )


def _remake(rule: PythonRule) -> Remake | None:
    """Answer how to get such an interpreter; None where its version alone does not say which it is."""
    is_plain = (rule.implementation or "cpython").lower() == "cpython" and not rule.free_threaded
    return Remake(rule.version) if rule.version is not None and is_plain else None


def _lock_itself(selection: Selection | None, interpreter: Interpreter) -> Iterable[Finding]:
    match selection:
        case WrongPython(expected):
            yield Finding(
                kind="interpreter-mismatch",
                rule="lock",
                expected=expected,
                actual=interpreter.version,
                reason="the lock was not made for this interpreter",
                remedy=Remake(expected) if is_specifier(expected) else None,
            )
        case Ambiguous(package, reason):
            yield Finding(kind="unreadable", rule="lock", package=package, reason=reason)
        case _:
            return


def _ruled(
    rules: Sequence[PackageRule],
    installed: Mapping[str, tuple[str, ...]],
    locked: Mapping[str, LockedPackage],
) -> Iterable[Finding]:
    for rule in rules:
        versions = installed.get(rule.name, ())
        match rule:
            case Deny():
                if versions:
                    yield _denied(rule, versions)
            case Require():
                finding = _required(rule, versions, locked.get(rule.name))
                if finding is not None:
                    yield finding


def _denied(rule: Deny, versions: tuple[str, ...]) -> Finding:
    return Finding(
        kind="denied",
        rule=f"packages.{rule.name}",
        severity=rule.severity,
        package=rule.name,
        expected="absent",
        actual=", ".join(versions),
        reason=rule.reason,
        remedy=Remove(rule.name),
    )


def _required(rule: Require, versions: tuple[str, ...], locked: LockedPackage | None) -> Finding | None:
    """Answer the finding about a required package; the lock's pin is judged together with the rule."""
    if rule.optional and not versions:
        return None
    pinned = pin(locked.version) if locked is not None and locked.version is not None else None
    if versions and not _all_allowed(rule.specifier, versions):
        return _mismatch(f"packages.{rule.name}", rule, rule.specifier, versions, pinned)
    if versions and pinned is not None and not _all_allowed(pinned, versions):
        return _mismatch("lock", rule, pinned, versions, pinned)
    return None if versions else _mismatch(f"packages.{rule.name}", rule, rule.specifier, versions, pinned)


def _mismatch(
    key: str, rule: Require, expected: str, versions: tuple[str, ...], pinned: str | None
) -> Finding:
    return Finding(
        kind="version-mismatch" if versions else "missing",
        rule=key,
        severity=rule.severity,
        package=rule.name,
        expected=expected or pinned or "any version",
        actual=", ".join(versions) or None,
        reason=rule.reason,
        remedy=Install(rule.name + (pinned or rule.specifier)),
    )


def _locked(
    locked: Mapping[str, LockedPackage], installed: Mapping[str, tuple[str, ...]], ruled: set[str]
) -> Iterable[Finding]:
    for name, package in locked.items():
        versions = installed.get(name, ())
        specifier = "" if package.version is None else pin(package.version)
        if name not in ruled and not (versions and _all_allowed(specifier, versions)):
            yield _mismatch("lock", Require(name=name), specifier, versions, specifier)


def _unlisted(
    rules: Rules, installed: Mapping[str, tuple[str, ...]], locked: Mapping[str, LockedPackage]
) -> Iterable[Finding]:
    if rules.unlisted == "ignore":
        return
    named = NEVER_UNLISTED.union(locked, (rule.name for rule in rules.packages))
    for name in sorted(installed.keys() - named):
        yield Finding(
            kind="unlisted",
            rule="unlisted",
            severity=rules.unlisted,
            package=name,
            expected="absent",
            actual=", ".join(installed[name]),
            remedy=Remove(name),
        )


def _all_allowed(specifier: str, versions: tuple[str, ...]) -> bool:
    return not specifier or all(allows(specifier, version) for version in versions)


def _rank(finding: Finding) -> tuple[int, int, str]:
    order = 0 if finding.kind in ("unreadable", "interpreter-mismatch") else 1
    if order:
        order += 0 if finding.rule.startswith("packages.") else 1 if finding.rule == "lock" else 2
    return _SEVERITIES.index(finding.severity), order, finding.package or ""
