"""How an environment differs from its policy: ``compare`` finds it, ``judge`` decides what it means here.

Rules
1. ``compare`` reads a snapshot, machine facts, rules and a lock, and nothing else: its answer may be kept by
   the digests of those four and by :data:`ENGINE`.
2. ``judge`` adds what is true of one machine at one moment (files that changed, waivers, places, commands)
   and is never kept.
3. One finding per cause: where a rule and the lock speak of one package, the rule speaks first.
4. ``unreadable`` makes the verdict ``unknown``: what could not be read is never compliant.
5. A waived finding stays visible and does not count; it counts again from the waiver's end on.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from envguard.domain.environment import Interpreter, Snapshot
from envguard.domain.facts import MachineFacts
from envguard.domain.findings.finding import Finding, ranked
from envguard.domain.findings.installed import installed_in
from envguard.domain.findings.machine import machine_findings
from envguard.domain.findings.packages import (
    origin_findings,
    package_findings,
    told_once,
    unlisted_findings,
)
from envguard.domain.locks.lock import Lock
from envguard.domain.locks.selection import Ambiguous, Selected, Selection, WrongPython, marker_values, select
from envguard.domain.policy import Level, PythonRule, Rules
from envguard.domain.remedy import Remake
from envguard.domain.versions import allows, is_specifier

ENGINE = 5
"""The version of ``compare``: part of the key under which its answers are kept."""

_NOTHING = Selected({})
_KERNELS = (b"platform_release", b"platform_version")
_UNREADABLE = {
    "unreadable": "its metadata could not be read",
    "base-missing": "the interpreter that it was made from is gone",
    "not-an-environment": "its interpreter does not run what is installed here",
    "incomplete": "reading it was cut off before the end",
}


def compare(snapshot: Snapshot, facts: MachineFacts, rules: Rules, lock: Lock | None) -> tuple[Finding, ...]:
    """Answer every difference, most severe first; within a severity interpreter, rules, lock, the rest."""
    markers = marker_values(snapshot.interpreter, facts)
    selection = _NOTHING if lock is None else select(lock, markers, rules.choice)
    selected = selection if isinstance(selection, Selected) else _NOTHING
    installed = installed_in(snapshot)
    of_packages = list(package_findings(rules, selected, installed))
    origins = origin_findings(rules, selected, installed, {each.package or "" for each in of_packages})
    is_selected = isinstance(selection, Selected)  # else nobody knows what the lock names
    outside = unlisted_findings(rules, selected, installed) if is_selected else ()
    findings = [
        *_problems(snapshot),
        *_interpreter(snapshot.interpreter, rules.python),
        *_lock_itself(selection, snapshot.interpreter),
        *of_packages,
        *told_once(origins, outside),
        *_broken_requirements(snapshot, rules.broken_requirements),
        *machine_findings(rules.machine, facts),
    ]
    return ranked(findings)


def reads_facts(rules: Rules, lock: Lock | None) -> bool:
    """Whether :func:`compare` reads the machine's facts: else they are no part of what its answer is kept by.

    Of a lock those are its markers, of which two are the kernel's; their names count wherever it has them.
    """
    text = b"" if lock is None else msgspec.json.encode(lock)
    return bool(rules.machine) or any(name in text for name in _KERNELS)


def unmet_by(interpreter: Interpreter, rule: PythonRule) -> tuple[tuple[str, str], ...]:
    """Answer what a rule asks of an interpreter that it is not: what is expected, and what is there."""
    unmet: list[tuple[str, str]] = []
    if rule.implementation and rule.implementation.lower() != interpreter.implementation.lower():
        unmet.append((rule.implementation, interpreter.implementation))
    if rule.version and not allows(rule.version, interpreter.version):
        unmet.append((rule.version, interpreter.version))
    if rule.free_threaded is not None and rule.free_threaded != interpreter.free_threaded:
        unmet.append((_threading(rule.free_threaded), _threading(interpreter.free_threaded)))
    return tuple(unmet)


def _threading(is_free: bool) -> str:
    return "free-threaded" if is_free else "with the GIL"


def _broken_requirements(snapshot: Snapshot, level: Level) -> Iterable[Finding]:
    if level == "ignore":
        return
    for broken in snapshot.broken_requirements:
        yield Finding(
            kind="broken-requirement",
            rule="broken-requirements",
            severity=level,
            package=broken.package,
            expected=broken.requirement,
            actual=broken.found,
            reason=f"{broken.package} requires it",
        )


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
    unmet = unmet_by(interpreter, rule)
    if unmet:
        yield Finding(
            kind="interpreter-mismatch",
            rule="python",
            expected=" ".join(expected for expected, _ in unmet),
            actual=" ".join(actual for _, actual in unmet),
            remedy=_remake(rule),
        )


def _remake(rule: PythonRule) -> Remake | None:
    """Answer how to get such an interpreter; None where its version alone does not say which it is."""
    is_plain = (rule.implementation or "cpython").lower() == "cpython" and not rule.free_threaded
    return Remake(rule.version) if rule.version is not None and is_plain else None


def _lock_itself(selection: Selection, interpreter: Interpreter) -> Iterable[Finding]:
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
