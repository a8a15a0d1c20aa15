"""Why an environment is judged as it is: what policy and lock say of a package, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from envguard.domain.environment import Environment, EnvironmentRecord, Package
from envguard.domain.facts import MachineFacts
from envguard.domain.findings.installed import installed_in
from envguard.domain.locks.lock import LockedPackage
from envguard.domain.locks.selection import Ambiguous, Selected, WrongPython, marker_values, select
from envguard.domain.policy import BeforeRun, LockedPolicy, PackageRule, Waiver
from envguard.domain.verdict import JudgedFinding, Verdict
from envguard.domain.waiver import acquits, is_for


class LockSays(msgspec.Struct, frozen=True, kw_only=True):
    """What the lock has of a package."""

    entries: tuple[LockedPackage, ...] = ()
    """Those that apply to this environment: one, where it must be there."""
    is_required: bool = False
    """Whether the package must be there; False: it may, where the lock has it at all."""
    elsewhere: int = 0
    """How many entries the lock has of it for other environments."""
    unusable: str | None = None
    """Why the lock says nothing of this environment at all."""


class PackageExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides about one package in one environment."""

    package: str
    installed: tuple[Package, ...]
    rule: PackageRule | None
    rule_place: str | None
    lock: LockSays | None
    """None where the policy has no lock."""
    lock_place: str | None
    findings: tuple[JudgedFinding, ...]
    waivers: tuple[Waiver, ...]
    """All about the package, whether they count here and now or not."""
    before_run: BeforeRun
    """What happens before a run where the environment drifts."""


def explain_package(
    package: str, environment: Environment, facts: MachineFacts, governing: LockedPolicy, verdict: Verdict
) -> PackageExplanation:
    """Answer what policy and lock say of a package; ``verdict`` is the policy's on this environment."""
    policy = governing.policy
    rule = next((each for each in policy.rules.packages if each.name == package), None)
    return PackageExplanation(
        package=package,
        installed=installed_in(environment.snapshot).named(package),
        rule=rule,
        rule_place=policy.places.get(f"packages.{package}") if rule is not None else None,
        lock=_lock_says(package, environment, facts, governing),
        lock_place=policy.lock,
        findings=tuple(each for each in verdict.findings if each.package == package),
        waivers=tuple(each for each in governing.waivers if each.package == package),
        before_run=policy.before_run,
    )


def waiver_state(
    waiver: Waiver,
    record: EnvironmentRecord,
    *,
    machine: str,
    now: datetime,
    findings: Sequence[JudgedFinding],
) -> str:
    """Answer in words whether a waiver counts here and now."""
    if now >= waiver.until:
        return "expired"
    if waiver.machine not in (None, machine):
        return f"only on {waiver.machine}"
    if not is_for(waiver, record):
        return f"only in {waiver.environment}"
    if any(
        acquits(waiver, each.kind, each.package, machine=machine, record=record, now=now) for each in findings
    ):
        return "in use"
    return "not needed"


def _lock_says(
    package: str, environment: Environment, facts: MachineFacts, governing: LockedPolicy
) -> LockSays | None:
    if governing.lock is None:
        return None
    markers = marker_values(environment.snapshot.interpreter, facts)
    entries = [each for each in governing.lock.packages if each.name == package]
    match select(governing.lock, markers, governing.policy.rules.choice):
        case Selected(packages, optional):
            required = packages.get(package)
            found = (required,) if required is not None else optional.get(package, ())
            return LockSays(
                entries=found, is_required=required is not None, elsewhere=len(entries) - len(found)
            )
        case WrongPython(expected):
            return LockSays(unusable=f"it was made for {expected}", elsewhere=len(entries))
        case Ambiguous() as ambiguous:
            return LockSays(unusable=ambiguous.in_words, elsewhere=len(entries))
