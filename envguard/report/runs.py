"""Runs, the newest first: for a terminal a row each, and as a document."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from envguard.domain.ages import age_text
from envguard.domain.environment import Digest
from envguard.domain.receipt import HandedKind, Receipt
from envguard.domain.verdict import Outcome, PolicyRef
from envguard.report.documents import Time
from envguard.report.printable import encodable, one_line
from envguard.report.printing import print_table, print_text
from envguard.wire import RunEntry, RunsOfDay, ToldFinding, ToldRun

if TYPE_CHECKING:
    from rich.console import Console

_COMMAND_COLUMNS = 40
"""So much of a command line is shown."""
_REASON_COLUMNS = 60
_NAMED = 5
"""People that a line names; of more it says how many."""


class RunPart(msgspec.Struct, frozen=True, kw_only=True):
    """One run, as its receipt says it."""

    id: str
    receipt: str
    """The folder of its receipt."""
    command: tuple[str, ...]
    start: Time
    end: Time | None
    exit_code: int | None
    verdict: Outcome | None
    policy: PolicyRef | None
    environment: str | None
    digest: Digest | None
    """Of the environment at the start."""
    changed: bool
    """The environment changed under the run."""
    allow_drift: str | None
    kind: HandedKind = "run"
    """What was refused never started."""
    person: str | None = None
    """Whose it was; null where no server says so, as are the next four."""
    machine: str | None = None
    told_by: Literal["machine", "person"] | None = None
    """Of which a server knows it: the machine itself, or somebody's token."""
    received_at: Time | None = None
    """When the server first heard of it."""
    findings: tuple[ToldFinding, ...] | None = None
    """In what the environment differed."""


class RunsDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/runs/1"):
    """``runs --json``: the newest first."""

    runs: tuple[RunPart, ...]
    source: Literal["server", "here"] = "here"
    """Whether they are the team's, or this project's."""


def runs_document(found: Sequence[tuple[str, Receipt]]) -> RunsDocument:
    """Answer the runs; each is the folder of its receipt, and what that says."""
    return RunsDocument(runs=tuple(_part(folder, receipt) for folder, receipt in found))


def team_runs_document(entries: Sequence[RunEntry]) -> RunsDocument:
    """Answer the runs that a server knows of."""
    return RunsDocument(runs=tuple(map(_team_part, entries)), source="server")


def show_team_runs(console: Console, entries: Sequence[RunEntry], *, now: datetime) -> None:
    """Print a row for each run of the team."""
    if not entries:
        print_text(console, "the server knows of no such runs")
        return
    rows = [
        (
            each.person,
            each.machine,
            age_text(each.run.start, now),
            _team_ending(each.run),
            _team_verdict(each.run),
            _shown(each.run.command),
        )
        for each in entries
    ]
    print_table(console, ("WHO", "MACHINE", "BEGAN", "ENDED", "VERDICT", "COMMAND"), rows)


def show_runs(console: Console, found: Sequence[tuple[str, Receipt]], *, now: datetime) -> None:
    """Print a row for each run."""
    if not found:
        print_text(console, "no runs: envguard run -- COMMAND begins one")
        return
    rows = [
        (
            folder.rpartition("/")[2],
            age_text(receipt.start, now),
            _ending(receipt, "no end yet" if receipt.end is None else "-"),
            receipt.verdict.verdict if receipt.verdict is not None else "-",
            _shown(receipt.command),
        )
        for folder, receipt in found
    ]
    print_table(console, ("RUN!", "BEGAN", "ENDED", "VERDICT", "COMMAND"), rows)


def today_line(today: RunsOfDay) -> str:
    """Answer how many runs of a day were refused, whose, and which were started in spite of a verdict."""
    refused, anyway = sum(today.refused.values()), sum(each.count for each in today.anyway)
    parts = []
    if refused:
        who = [f"{one_line(person)} {count}" for person, count in today.refused.items()]
        parts.append(f"{refused} {'run' if refused == 1 else 'runs'} refused ({_first(who)})")
    if anyway:
        why = [
            f'{one_line(each.person)}: "{_short(each.reason)}"'
            + (f" {each.count} times" if each.count > 1 else "")
            for each in today.anyway
        ]
        parts.append(f"{anyway} started anyway ({_first(why)})")
    return "; ".join(parts)


def _first(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join([*names[:_NAMED], *([f"{more} more"] if more > 0 else ())])


def _short(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= _REASON_COLUMNS else f"{line[: _REASON_COLUMNS - 3]}..."


def _part(folder: str, receipt: Receipt) -> RunPart:
    verdict = receipt.verdict
    return RunPart(
        id=receipt.id,
        receipt=encodable(folder),
        command=receipt.command,
        start=receipt.start,
        end=receipt.end,
        exit_code=receipt.exit_code,
        verdict=verdict.verdict if verdict is not None else None,
        policy=verdict.policy if verdict is not None else None,
        environment=verdict.environment if verdict is not None else None,
        digest=receipt.digest,
        changed=receipt.is_changed,
        allow_drift=receipt.allow_drift,
    )


def _ending(run: Receipt | ToldRun, without: str) -> str:
    """How a run ended; ``without`` is said where nobody knows."""
    if run.exit_code is not None:
        return f"{run.exit_code}, changed" if run.is_changed else str(run.exit_code)
    return "not seen" if run.replaced else without


def _team_part(entry: RunEntry) -> RunPart:
    run = entry.run
    return RunPart(
        id=run.id,
        receipt=run.receipt,
        command=run.command,
        start=run.start,
        end=run.end,
        exit_code=run.exit_code,
        verdict=run.verdict,
        policy=_policy(run),
        environment=run.environment,
        digest=run.digest,
        changed=run.is_changed,
        allow_drift=run.allow_drift,
        kind=run.kind,
        person=entry.person,
        machine=entry.machine,
        told_by=entry.told_by,
        received_at=entry.received_at,
        findings=run.findings,
    )


def _policy(run: ToldRun) -> PolicyRef | None:
    policy = run.policy
    if policy is None:
        return None
    return PolicyRef(name=policy.name, revision=policy.revision, lock=policy.lock, digest=policy.digest)


def _team_ending(run: ToldRun) -> str:
    match run.kind:
        case "refused":
            return "refused"
        case "required":
            return "not seen"
        case "stamp":
            return "stamped"
        case _:
            return _ending(run, "no end known")


def _team_verdict(run: ToldRun) -> str:
    return f"{run.verdict or 'not judged'}{', anyway' if run.is_anyway else ''}"


def _shown(command: Sequence[str]) -> str:
    text = one_line(shlex.join(command))
    return text if len(text) <= _COMMAND_COLUMNS else f"{text[: _COMMAND_COLUMNS - 3]}..."
