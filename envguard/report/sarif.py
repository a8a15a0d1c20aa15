"""Verdicts as a SARIF 2.1.0 log: one run, a rule for each kind of finding, a result for each finding.

Rules
1. Levels: ``error``, ``warning`` and ``note`` for errors, warnings and information.
2. A result lies where its rule is written; the environment is its logical location.
3. A waived finding is a suppressed result. A verdict that could not be decided is a result of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal
from urllib.parse import quote

import msgspec

from envguard.domain.policy import Severity
from envguard.domain.verdict import JudgedFinding, Verdict
from envguard.report.causes import label_of
from envguard.report.places import file_and_line
from envguard.report.printable import one_line, printable

Level = Literal["error", "warning", "note"]

_LEVELS: dict[Severity, Level] = {"error": "error", "warn": "warning", "info": "note"}

_BRACKETS = re.compile(r"[\\\[\]]")

_UNDECIDED = "undecided"

_RULES = {
    "interpreter-mismatch": "The Python, or the lock's Python, is another one",
    "missing": "A package that must be there is not",
    "version-mismatch": "A package is there in a version that the rule or the lock excludes",
    "denied": "A package is there and must not be",
    "unlisted": "Neither the lock nor a rule names a package",
    "duplicate": "Two versions of a package lie in one folder",
    "shadowed": "A package is installed in two folders, or a file here has its import name; the first counts",
    "unreadable": "Something could not be read",
    _UNDECIDED: "What the environment should be, or is, could not be decided",
}


class Message(msgspec.Struct, frozen=True):
    """Text for people."""

    text: str


class Artifact(msgspec.Struct, frozen=True):
    """A file, as a relative reference."""

    uri: str


class Region(msgspec.Struct, frozen=True, rename="camel"):
    """A line of a file."""

    start_line: int


class PhysicalLocation(msgspec.Struct, frozen=True, rename="camel"):
    """Where a rule is written."""

    artifact_location: Artifact
    region: Region


class LogicalLocation(msgspec.Struct, frozen=True, rename="camel"):
    """The environment."""

    fully_qualified_name: str
    kind: str = "environment"


class Location(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Where a result is."""

    logical_locations: tuple[LogicalLocation, ...]
    physical_location: PhysicalLocation | None = None


class Suppression(msgspec.Struct, frozen=True):
    """Why a result does not count."""

    justification: str
    kind: str = "external"


class Result(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One finding."""

    rule_id: str
    level: Level
    message: Message
    locations: tuple[Location, ...]
    suppressions: tuple[Suppression, ...] = ()


class Rule(msgspec.Struct, frozen=True, rename="camel"):
    """A kind of finding."""

    id: str
    short_description: Message


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """Which tool found it."""

    name: str = "envguard"
    rules: tuple[Rule, ...]


class Tool(msgspec.Struct, frozen=True):
    """The tool, as SARIF wraps it."""

    driver: Driver


class SarifRun(msgspec.Struct, frozen=True, rename="camel"):
    """One run of the tool."""

    tool: Tool
    results: tuple[Result, ...]
    column_kind: str = "unicodeCodePoints"


class SarifLog(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document."""

    schema: str = msgspec.field(default="https://json.schemastore.org/sarif-2.1.0.json", name="$schema")
    version: str = "2.1.0"
    runs: tuple[SarifRun, ...]


def sarif(verdicts: Sequence[Verdict]) -> str:
    """Answer one log for all of them, as indented JSON."""
    results = tuple(result for verdict in verdicts for result in _results(verdict))
    kinds = dict.fromkeys(result.rule_id for result in results)
    rules = tuple(Rule(kind, Message(_RULES.get(kind, kind))) for kind in kinds)
    log = SarifLog(runs=(SarifRun(Tool(Driver(rules=rules)), results),))
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode()


def _results(verdict: Verdict) -> Iterator[Result]:
    environment = (LogicalLocation(printable(verdict.environment)),)
    if verdict.verdict == "unknown" and verdict.reason is not None:
        yield Result(_UNDECIDED, "error", _message([verdict.reason]), (Location(environment),))
    for finding in verdict.findings:
        waived = finding.waived
        yield Result(
            rule_id=finding.kind,
            level=_LEVELS[finding.severity],
            message=_message(_told(finding)),
            locations=(Location(environment, _physical(finding.place)),),
            suppressions=(Suppression(printable(waived.reason)),) if waived is not None else (),
        )


def _told(finding: JudgedFinding) -> Sequence[str]:
    reason = one_line(finding.reason) if finding.reason else None
    return [part for part in (label_of(finding), reason, finding.fix and f"fix: {finding.fix}") if part]


def _message(parts: Sequence[str]) -> Message:
    """Answer plain text as SARIF 2.1.0, "3.11 message object", reads it.

    Braces are placeholders unless doubled, and ``[text](target)`` is a link unless its brackets are escaped.
    """
    told = "; ".join(map(printable, parts)).replace("{", "{{").replace("}", "}}")
    return Message(_BRACKETS.sub(r"\\\g<0>", told) if "](" in told else told)


def _physical(place: str | None) -> PhysicalLocation | None:
    found = file_and_line(place)
    if found is None:
        return None
    file, line = found
    return PhysicalLocation(Artifact(quote(printable(file))), Region(line))
