"""Runs, the newest first: for a terminal a row each, and as a document."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from envguard.domain.ages import age_text
from envguard.domain.environment import Digest
from envguard.domain.receipt import Receipt
from envguard.domain.verdict import Outcome, PolicyRef
from envguard.report.documents import Time
from envguard.report.printable import encodable, one_line
from envguard.report.printing import print_table, print_text

if TYPE_CHECKING:
    from rich.console import Console

_COMMAND_COLUMNS = 40
"""So much of a command line is shown."""


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


class RunsDocument(msgspec.Struct, frozen=True, kw_only=True, tag_field="schema", tag="envguard/runs/1"):
    """``runs --json``: the newest first."""

    runs: tuple[RunPart, ...]


def runs_document(found: Sequence[tuple[str, Receipt]]) -> RunsDocument:
    """Answer the runs; each is the folder of its receipt, and what that says."""
    return RunsDocument(runs=tuple(_part(folder, receipt) for folder, receipt in found))


def show_runs(console: Console, found: Sequence[tuple[str, Receipt]], *, now: datetime) -> None:
    """Print a row for each run."""
    if not found:
        print_text(console, "no runs: envguard run -- COMMAND begins one")
        return
    rows = [
        (
            folder.rpartition("/")[2],
            age_text(receipt.start, now),
            _ending(receipt),
            receipt.verdict.verdict if receipt.verdict is not None else "-",
            _command(receipt),
        )
        for folder, receipt in found
    ]
    print_table(console, ("RUN", "BEGAN", "ENDED", "VERDICT", "COMMAND"), rows)


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


def _ending(receipt: Receipt) -> str:
    if receipt.exit_code is not None:
        return f"{receipt.exit_code}, changed" if receipt.is_changed else str(receipt.exit_code)
    if receipt.replaced:
        return "not seen"
    return "-" if receipt.end is not None else "no end yet"


def _command(receipt: Receipt) -> str:
    text = one_line(shlex.join(receipt.command))
    return text if len(text) <= _COMMAND_COLUMNS else f"{text[: _COMMAND_COLUMNS - 3]}..."
