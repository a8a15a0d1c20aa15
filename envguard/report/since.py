"""What changed between two runs, in one line: ``numpy 1.26.4 -> 2.1.0, driver 550 -> 560``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from envguard.domain.ages import age_text
from envguard.domain.difference import FieldDifference, Held, differences, fact_differences
from envguard.domain.environment import Snapshot
from envguard.domain.receipt import Receipt
from envguard.domain.runs_apart import runs_apart
from envguard.report.printable import printable

_SHOWN = 12
"""Changes in one line; the rest is counted."""
_NAMES = {"nvidia_driver": "driver", "cpu_count": "processors", "memory_bytes": "memory"}


def since_it_worked(worked: Receipt, receipt: Receipt, now: datetime) -> str:
    """Answer the line under a run that failed; ``worked`` is the last of its kind that did not."""
    age = age_text(worked.end or worked.start, now)
    changes = _joined(run_changes(worked, receipt))
    return f"since it last worked, {age}: {changes or 'nothing that a receipt knows of changed'}"


def content_changes(before: Snapshot, after: Snapshot) -> str:
    """Answer what changed in an environment."""
    return _joined(_contents(before, after)) or "something that is no version"


def run_changes(a: Receipt, b: Receipt) -> Iterator[str]:
    """Yield in what two runs differ, each in a few words, packages first."""
    if a.judgement is not None and b.judgement is not None:
        yield from _contents(a.judgement.snapshot, b.judgement.snapshot)
        facts = fact_differences(a.judgement.facts, b.judgement.facts)
        yield from (f"{_NAMES.get(each.field, each.field)} {_words(each)}" for each in facts)
    yield from (f"{each.field} {_words(each)}" for each in runs_apart(a, b))


def _contents(a: Snapshot, b: Snapshot) -> Iterator[str]:
    difference = differences(a, b)
    for package in (*difference.packages, *difference.system_packages):
        before, after = _versions(package.a), _versions(package.b)
        if before == after:
            yield f"{package.name} {before} ({', '.join(package.differs)})"
        else:
            yield f"{package.name} {before} -> {after}"
    for field in difference.interpreter:
        if field.field == "version":
            yield f"python {_words(field)}"


def _versions(held: Iterable[Held]) -> str:
    return " and ".join(each.version or "?" for each in held) or "absent"


def _words(field: FieldDifference) -> str:
    return f"{'none' if field.a is None else field.a} -> {'none' if field.b is None else field.b}"


def _joined(changes: Iterable[str]) -> str:
    told = list(changes)
    more = f", {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
    return printable(", ".join(told[:_SHOWN]) + more)
