"""Verdicts as GitHub workflow commands: an annotation for each finding, at the line of its rule.

The escaping is that of GitHub's own toolkit: in the message ``%``, carriage return and line feed; in
properties also ``:`` and ``,``. Every line is a command, so no name of others can become one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from envguard.domain.policy import Severity
from envguard.domain.verdict import JudgedFinding, Verdict
from envguard.report.causes import label_of
from envguard.report.places import file_and_line
from envguard.report.printable import one_line, printable

_COMMANDS: dict[Severity, str] = {"error": "error", "warn": "warning", "info": "notice"}


def github(verdicts: Sequence[Verdict]) -> str:
    """Answer the commands, one a line; nothing where everything is as it should be."""
    return "\n".join(line for verdict in verdicts for line in _commands(verdict))


def _commands(verdict: Verdict) -> Iterator[str]:
    if verdict.reason is not None and verdict.verdict == "unknown":
        yield _command("error", {"title": "unknown"}, [f"{verdict.environment}: {verdict.reason}"])
    for finding in verdict.findings:
        yield _annotation(verdict, finding)


def _annotation(verdict: Verdict, finding: JudgedFinding) -> str:
    properties = {"title": label_of(finding)}
    found = file_and_line(finding.place)
    if found is not None:
        properties = {"file": found[0], "line": str(found[1]), **properties}
    lines = [f"{verdict.environment}: {label_of(finding)}"]
    if finding.waived is not None:
        lines.append(f"waived until {finding.waived.until:%Y-%m-%d}: {finding.waived.reason}")
        return _command("notice", properties, lines)
    reason = one_line(finding.reason) if finding.reason else None
    lines += [line for line in (reason, finding.fix and f"fix: {finding.fix}") if line]
    return _command(_COMMANDS[finding.severity], properties, lines)


def _command(name: str, properties: dict[str, str], lines: Sequence[str]) -> str:
    said = ",".join(f"{key}={_escape_property(printable(value))}" for key, value in properties.items())
    message = _escape("\n".join(map(printable, lines)))
    return f"::{name} {said}::{message}"


def _escape(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape(text).replace(":", "%3A").replace(",", "%2C")
