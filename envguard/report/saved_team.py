"""The team's report made of saved scans, where there is no server. Pure.

Rules
1. A machine is known by the name in its scan. Of several scans of one machine the newest counts, and the
   others are named.
2. A policy that is named judges what its ``applies-to`` means, and what a project's marker binds to it. One
   that says nothing of that kind, as a lock, judges every environment that was made for a project, unless the
   project's marker names another.
3. A scan is unknown, whatever it holds, where it is older than seven days or of a time that is still to come;
   and where its end was never reached, unless what it did see has drifted. What it held is still shown.
4. Without a policy, the report names the packages in which machines differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import PurePosixPath

import msgspec

from envguard.domain.ages import age_text
from envguard.domain.binding import Machine, applies
from envguard.domain.environment import NEVER_MEANT_BY_STAR, Environment, EnvironmentRecord
from envguard.domain.facts import MachineFacts
from envguard.domain.policy import LockedPolicy
from envguard.domain.verdict import Outcome, Verdict, unmanaged, worst
from envguard.report.differing import differences_between, packages_for_projects
from envguard.report.saved import SavedScan
from envguard.runs.comparing import Comparisons
from envguard.runs.judging import judge_environment
from envguard.wire import Difference, LeftOut, TeamMachine, TeamReport, summary_of, team_environment

OLD_AFTER = timedelta(days=7)
_AHEAD = timedelta(minutes=5)
"""How far the clock of another machine may be before ours."""


class FoundScan(msgspec.Struct, frozen=True, kw_only=True):
    """A saved scan in a file."""

    file: str
    saved: SavedScan
    taken_at: datetime
    """What the scan says, else the file's time."""


def saved_team(
    scans: Sequence[FoundScan],
    governing: LockedPolicy | None,
    *,
    now: datetime,
    unreadable: Sequence[LeftOut] = (),
) -> TeamReport:
    """Answer the report on machines whose scans were saved; ``now`` is aware UTC."""
    newest, replaced = _newest(scans)
    judging = _Judging(governing, now)
    machines = tuple(map(judging.machine, newest))
    return TeamReport(
        as_of=now,
        summary=summary_of(machines),
        machines=machines,
        policies=_numbered(governing),
        differences=_differences(newest) if governing is None else (),
        left_out=(*unreadable, *replaced),
    )


class _Judging:
    """One policy and one moment; what was compared once is not compared again."""

    def __init__(self, governing: LockedPolicy | None, now: datetime) -> None:
        self._governing = governing
        self._now = now
        self._comparisons = Comparisons()

    def machine(self, found: FoundScan) -> TeamMachine:
        """Answer a machine with its verdicts."""
        scan, name = found.saved.scan, found.saved.machine
        verdicts = [self._verdict(each, scan.facts, name) for each in scan.environments]
        outcome = worst([each.verdict for each in verdicts])
        reason = self._age(found.taken_at)
        is_stale = reason is not None
        if reason is None and scan.is_incomplete:
            reason = _cut_off(outcome)
        return TeamMachine(
            name=name,
            state="stale" if is_stale else "online",
            verdict=outcome if reason is None else "unknown",
            seen=found.taken_at,
            environments=tuple(map(team_environment, verdicts)),
            reason=reason,
        )

    def _verdict(self, environment: Environment, facts: MachineFacts, machine: str) -> Verdict:
        governing = self._governing
        if governing is None or not _governs(governing, environment.record, machine):
            return unmanaged(environment.record)
        return judge_environment(
            environment, facts, governing, machine=machine, now=self._now, comparisons=self._comparisons
        ).verdict

    def _age(self, taken_at: datetime) -> str | None:
        """Why nothing is known of a machine any more; None where the scan is young enough."""
        if taken_at > self._now + _AHEAD:
            return "its scan is of a time that is still to come: look at the clocks"
        if taken_at < self._now - OLD_AFTER:
            return f"its scan was taken {age_text(taken_at, self._now)}"
        return None


def _cut_off(outcome: Outcome) -> str | None:
    return None if outcome in ("drifted", "unknown") else "its scan was cut off before its end"


def _governs(governing: LockedPolicy, record: EnvironmentRecord, machine: str) -> bool:
    policy, marker = governing.policy, record.project.policy if record.project is not None else None
    if marker is not None:
        return policy.name in (marker, PurePosixPath(marker).stem)
    if policy.applies_to:
        return applies(policy.applies_to, record, Machine(machine))
    return record.kind not in NEVER_MEANT_BY_STAR


def _numbered(governing: LockedPolicy | None) -> dict[str, int]:
    """The policy with its revision; none where no server numbered it."""
    if governing is None or governing.revision is None:
        return {}
    return {governing.policy.name: governing.revision}


def _newest(scans: Sequence[FoundScan]) -> tuple[list[FoundScan], list[LeftOut]]:
    """Answer the scan of each machine that counts, by name, and those that do not."""
    newest: dict[str, FoundScan] = {}
    replaced = []
    for each in sorted(scans, key=lambda found: (found.taken_at, found.file)):
        before = newest.get(each.saved.machine)
        if before is not None:
            reason = f"an older scan of {each.saved.machine} than {each.file}"
            replaced.append(LeftOut(file=before.file, reason=reason))
        newest[each.saved.machine] = each
    return [newest[name] for name in sorted(newest)], replaced


def _differences(scans: Sequence[FoundScan]) -> tuple[Difference, ...]:
    return differences_between(
        (
            found.saved.machine,
            packages_for_projects(
                (each.record.kind, each.snapshot) for each in found.saved.scan.environments
            ),
        )
        for found in scans
    )
