"""``envguard explain``: which rule says what, where it is written, and why it is this policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.environment import EnvironmentRecord, Package
from envguard.domain.explanation import LockSays, PackageExplanation, waiver_state
from envguard.domain.locks.lock import LockedPackage
from envguard.domain.policy import BeforeRun, Deny, PackageRule, Waiver
from envguard.domain.verdict import JudgedFinding, PolicyRef
from envguard.report.documents import Time
from envguard.report.printing import print_table, print_text

if TYPE_CHECKING:
    from rich.console import Console


class WaiverRow(msgspec.Struct, frozen=True, kw_only=True):
    """A waiver, and whether it counts here and now."""

    until: Time
    reason: str
    approved_by: str
    machine: str | None
    environment: str | None
    kind: str | None
    id: int | None
    """The server's number; null for one that the policy's file grants."""
    state: str


class ExplanationDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/explanation/1"
):
    """``explain PACKAGE --json``: all that decides about one package in one environment."""

    package: str
    environment: str
    policy: PolicyRef
    source: str
    """Why it is this policy."""
    installed: tuple[Package, ...]
    rule: PackageRule | None
    rule_place: str | None
    lock: LockSays | None
    lock_place: str | None
    findings: tuple[JudgedFinding, ...]
    waivers: tuple[WaiverRow, ...]
    before_run: BeforeRun
    """What happens before a run where the environment drifts."""


class StepRow(msgspec.Struct, frozen=True):
    """One source that can name a policy, and what it says."""

    source: str
    says: str | None


class BindingDocument(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/binding/1"
):
    """``explain --env ENV --json``: why it is this environment, and this policy."""

    environment: str
    chosen: str
    """Why it is this environment."""
    steps: tuple[StepRow, ...]
    """Every source in the order in which they are asked: the first that says anything counts."""


_RUNS: Mapping[BeforeRun, str] = {
    "refuse": "is refused while it drifts",
    "warn": "starts with a warning while it drifts",
}


def explanation_document(
    explanation: PackageExplanation,
    *,
    record: EnvironmentRecord,
    policy: PolicyRef,
    source: str,
    machine: str,
    now: datetime,
) -> ExplanationDocument:
    """Answer the JSON of an explanation; ``now`` is aware UTC."""
    return ExplanationDocument(
        package=explanation.package,
        environment=record.path,
        policy=policy,
        source=source,
        installed=explanation.installed,
        rule=explanation.rule,
        rule_place=explanation.rule_place,
        lock=explanation.lock,
        lock_place=explanation.lock_place,
        findings=explanation.findings,
        waivers=tuple(
            _row(
                each,
                waiver_state(each, record, machine=machine, now=now, findings=explanation.findings),
            )
            for each in explanation.waivers
        ),
        before_run=explanation.before_run,
    )


def show_explanation(console: Console, document: ExplanationDocument) -> None:
    """Print what decides about a package, one line for each source."""
    print_text(console, f"{document.package} in {document.environment}", "bold")
    rows = [
        ("installed", ", ".join(map(_installed, document.installed)) or "absent", ""),
        ("policy", _policy_name(document.policy), document.source),
        ("rule", _rule(document.rule), document.rule_place or ""),
    ]
    if document.lock is not None:
        rows.append(("lock", _lock(document.lock), document.lock_place or ""))
    rows += [("waiver", _waiver(each), each.state) for each in document.waivers]
    rows += _findings(document.findings)
    if any(each.severity == "error" and each.waived is None for each in document.findings):
        rows.append(("run", _RUNS[document.before_run], f"before-run: {document.before_run}"))
    print_table(console, ("", "", ""), rows)


def show_steps(console: Console, document: BindingDocument) -> None:
    """Print every source of a policy, and which of them counts."""
    print_text(console, f"{document.environment} ({document.chosen})", "bold")
    rows = []
    is_open = True
    for step in document.steps:
        counts = is_open and step.says is not None
        rows.append((step.source, step.says or "says nothing", "counts" if counts else ""))
        is_open = is_open and step.says is None
    print_table(console, ("SOURCE", "SAYS", ""), rows)
    if is_open:
        print_text(console, "no policy applies: write [tool.envguard] policy = NAME into pyproject.toml")


def _row(waiver: Waiver, state: str) -> WaiverRow:
    return WaiverRow(
        until=waiver.until,
        reason=waiver.reason,
        approved_by=waiver.approved_by,
        machine=waiver.machine,
        environment=waiver.environment,
        kind=waiver.kind,
        id=waiver.id,
        state=state,
    )


def _installed(package: Package) -> str:
    origin = "" if package.origin.kind == "index" else f"from {package.origin.kind}"
    return " ".join(filter(None, (package.version, package.build, origin)))


def _policy_name(policy: PolicyRef) -> str:
    return policy.name if policy.revision is None else f"{policy.name} r{policy.revision}"


def _rule(rule: PackageRule | None) -> str:
    if rule is None:
        return "none names it"
    if isinstance(rule, Deny):
        return _with_reason("denied", rule.reason)
    parts = (rule.specifier or "any version", rule.build, "(optional)" if rule.optional else None)
    return _with_reason(" ".join(filter(None, parts)), rule.reason)


def _with_reason(text: str, reason: str | None) -> str:
    return f"{text}: {reason}" if reason else text


def _lock(lock: LockSays) -> str:
    if lock.unusable is not None:
        return f"says nothing here: {lock.unusable}"
    if not lock.entries:
        return (
            f"not for this environment ({lock.elsewhere} for others)"
            if lock.elsewhere
            else "does not have it"
        )
    entries = " or ".join(map(_entry, lock.entries))
    return entries if lock.is_required else f"{entries}, where it is there at all"


def _entry(entry: LockedPackage) -> str:
    version = entry.version or entry.specifier or "any version"
    return " ".join(filter(None, (version, entry.build, f"({entry.marker})" if entry.marker else None)))


def _waiver(waiver: WaiverRow) -> str:
    kind = f"{waiver.kind} " if waiver.kind else ""
    return f"{kind}until {waiver.until:%Y-%m-%d %H:%M} UTC by {waiver.approved_by}: {waiver.reason}"


def _findings(findings: Sequence[JudgedFinding]) -> Iterator[tuple[str, str, str]]:
    if not findings:
        yield "so", "it is as it should be", ""
    for finding in findings:
        waived = " (waived)" if finding.waived is not None else ""
        asked = f", needs {finding.expected}" if finding.expected else ""
        yield f"so{waived}", f"{finding.kind}: {finding.actual or 'absent'}{asked}", finding.place or ""
