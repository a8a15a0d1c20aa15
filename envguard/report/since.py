"""What changed between two runs, in one line: ``numpy 1.26.4 -> 2.1.0, driver 550 -> 560``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from envguard.domain.ages import age_text
from envguard.domain.difference import FieldDifference, Held, differences, fact_differences
from envguard.domain.environment import Snapshot
from envguard.domain.receipt import Receipt
from envguard.report.printable import printable

_SHOWN = 12
"""Changes in one line; the rest is counted."""
_NAMES = {"nvidia_driver": "driver", "cpu_count": "processors", "memory_bytes": "memory"}
_COMMIT_DIGITS = 10


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
    yield from (f"{each.field} {_words(each)}" for each in field_changes(a, b))


def field_changes(a: Receipt, b: Receipt) -> Iterator[FieldDifference]:
    """Yield in what the runs themselves differ: the commit, and what people said of them."""
    if a.commit != b.commit:
        yield FieldDifference("commit", _short(a.commit), _short(b.commit))
    if a.dirty != b.dirty and None not in (a.dirty, b.dirty):
        yield FieldDifference("tree", _tree(a), _tree(b))
    for name in sorted({*a.parameters, *b.parameters}):
        one, other = a.parameters.get(name), b.parameters.get(name)
        if one != other:
            yield FieldDifference(f"parameter {name}", _value(one), _value(other))


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


def _short(commit: str | None) -> str | None:
    return commit[:_COMMIT_DIGITS] if commit is not None else None


def _tree(receipt: Receipt) -> str:
    return "changed" if receipt.dirty else "clean"


def _value(value: object) -> str | int | bool | None:
    return value if isinstance(value, int) or value is None else str(value)
