"""Verdicts as Markdown, for a pull request or a job's summary: a headline and a table for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from envguard.domain.verdict import JudgedFinding, Verdict
from envguard.report.brief import verdict_line
from envguard.report.causes import label_of
from envguard.report.printable import one_line

_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&@#]")
"""What could begin something in a line: code, emphasis, a link, a tag, a column, an entity, a mention."""


def markdown(verdicts: Sequence[Verdict]) -> str:
    """Answer one text for all of them."""
    return "\n\n".join("\n".join(_section(verdict)) for verdict in verdicts)


def _section(verdict: Verdict) -> Iterator[str]:
    yield f"### {_escape(verdict_line(verdict).replace('`', ''))}"
    yield ""
    yield _escape(verdict.environment) + (f": {_escape(verdict.reason)}" if verdict.reason else "")
    if verdict.findings:
        yield ""
        yield "| severity | finding | why | where | fix |"
        yield "|---|---|---|---|---|"
        yield from map(_row, verdict.findings)


def _row(finding: JudgedFinding) -> str:
    waived = finding.waived
    severity = finding.severity if waived is None else f"waived until {waived.until:%Y-%m-%d}"
    why = finding.reason if waived is None else waived.reason
    cells = (severity, label_of(finding), why, finding.place, finding.fix)
    return "| " + " | ".join(_escape(cell or "") for cell in cells) + " |"


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", one_line(text))
