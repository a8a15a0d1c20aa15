"""The rows of lists, a page at a time.

Rules
1. Rows are in the order of machines' names, and within one in that of the digests of paths and of findings:
   an order that no change of other rows moves. A cursor is a place in it, so each row that stays is on one
   page.
2. A page ends where enough was looked at, also where few rows were found: no request takes longer for a
   filter that lets little through. Only a page without ``next`` is the last.
3. A count is of the same rows that the pages have.
4. A machine gets rows of itself alone.
"""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Generic, TypeVar

import msgspec
import sqlalchemy as sa

from envguard.domain.environment import Digest, EnvironmentRecord, digest_of_text
from envguard.domain.package_asked import NotAsked, PackageAsked, package_asked
from envguard.domain.verdict import JudgedFinding
from envguard.server.asked import EnvironmentsAsked, FindingsAsked, Judged, MachinesAsked, OfMachines
from envguard.server.refusals import RefusalError
from envguard.server.reporting import kept_verdicts_on
from envguard.server.service import Service
from envguard.server.store.machines import KnownMachine, machines_from
from envguard.server.store.packages import digests_with, versions_asked
from envguard.server.team import assemble
from envguard.wire import TeamEnvironment, TeamMachine
from envguard.wire.lists import EnvironmentRow, FindingRow, MachineRow

Row = TypeVar("Row")

_BATCH = 200
_MOST_MACHINES = 1_000
"""That one request looks at, unless it counts."""
_PASSED = "~"
"""After every digest: all of a machine, or of an environment, is behind."""


class Position(msgspec.Struct, frozen=True, array_like=True, order=True):
    """A place in the order of rows."""

    machine: str = ""
    environment: str = ""
    finding: str = ""


class Page(msgspec.Struct, Generic[Row], frozen=True):
    """Some rows, and where to go on."""

    rows: tuple[Row, ...]
    next: str | None


class Standing(msgspec.Struct, frozen=True):
    """A machine, and how the team's report tells of it."""

    machine: KnownMachine
    told: TeamMachine


Places = Iterator[tuple[Position, Row | None]]
"""Each row behind a position; None where something was looked at, and there is no row."""


def page_of(places: Places[Row], *, limit: int, most_looked_at: int = _MOST_MACHINES) -> Page[Row]:
    """Answer the rows up to the limit, or up to where enough was looked at."""
    rows: list[Row] = []
    last = Position()
    looked_at = 0
    for position, row in places:
        if row is None:
            looked_at += 1
            if looked_at >= most_looked_at:
                return Page(tuple(rows), _cursor(position))
        elif len(rows) == limit:
            return Page(tuple(rows), _cursor(last))
        else:
            rows.append(row)
        last = position
    return Page(tuple(rows), None)


def count_of(places: Places[Row]) -> int:
    """Answer how many rows there are."""
    return sum(row is not None for _, row in places)


def position_of(cursor: str | None) -> Position:
    """Answer where a page begins; raises RefusalError."""
    if cursor is None:
        return Position()
    try:
        raw = base64.b64decode(cursor.encode() + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        position = msgspec.json.decode(raw, type=Position)
    except (binascii.Error, msgspec.MsgspecError, ValueError) as error:
        raise _no_cursor() from error
    if not all(map(str.isprintable, msgspec.structs.astuple(position))):
        raise _no_cursor()
    return position


def package_wanted(text: str, field: str) -> PackageAsked:
    """Answer what a requirement asks for; raises RefusalError."""
    asked = package_asked(text)
    if isinstance(asked, NotAsked):
        raise RefusalError(400, f"{asked.reason}: {field}", f"?{field}=numpy>=2")
    return asked


def is_of(asked: OfMachines, name: str, labels: Mapping[str, str]) -> bool:
    """Whether a machine's name and labels are such as are asked for."""
    if asked.name is not None and not fnmatchcase(name, asked.name):
        return False
    return all(_has_label(labels, each) for each in asked.label)


def machine_rows(
    service: Service, asked: MachinesAsked, owner: str | None, after: Position
) -> Places[MachineRow]:
    """Yield a row for each machine."""

    def rows(standing: Standing) -> Iterator[tuple[str, str, MachineRow]]:
        if asked.verdict in (None, standing.told.verdict):
            yield _PASSED, _PASSED, _machine_row(standing.machine, standing.told)

    return _places(service, asked, owner, after, rows)


def environment_rows(
    service: Service, asked: EnvironmentsAsked, owner: str | None, after: Position
) -> Places[EnvironmentRow]:
    """Yield a row for each environment."""
    digests = _digests_asked(service, asked.has)

    def rows(standing: Standing) -> Iterator[tuple[str, str, EnvironmentRow]]:
        for record, judged in _environments(standing, asked):
            if asked.kind in (None, record.kind) and (digests is None or record.digest in digests):
                yield digest_of_text(record.path), _PASSED, _environment_row(standing.told, record, judged)

    return _places(service, asked, owner, after, rows)


def finding_rows(
    service: Service, asked: FindingsAsked, owner: str | None, after: Position
) -> Places[FindingRow]:
    """Yield a row for each finding."""

    def rows(standing: Standing) -> Iterator[tuple[str, str, FindingRow]]:
        for record, judged in _environments(standing, asked):
            for key, finding in _findings(judged):
                if _is_asked(finding, asked):
                    yield digest_of_text(record.path), key, _finding_row(standing.told, judged, finding)

    return _places(service, asked, owner, after, rows)


_Rows = Callable[[Standing], Iterable[tuple[str, str, Row]]]
"""The rows of a machine, each with its environment and its finding in the order."""


def _places(
    service: Service, asked: Judged, owner: str | None, after: Position, rows_of: _Rows[Row]
) -> Places[Row]:
    for name, standing in _standings(service, asked, owner, after.machine):
        behind = (after.environment, after.finding) if name == after.machine else ("", "")
        if standing is not None and asked.state in (None, standing.told.state):
            for environment, finding, row in sorted(rows_of(standing), key=_in_order):
                if (environment, finding) > behind:
                    yield Position(name, environment, finding), row
        yield Position(name, _PASSED, _PASSED), None


def _in_order(place: tuple[str, str, Row]) -> tuple[str, str]:
    return place[0], place[1]


def _standings(
    service: Service, asked: Judged, owner: str | None, first: str
) -> Iterator[tuple[str, Standing | None]]:
    """Yield each machine's name from this one on, with its standing where that is asked for."""
    begin = first
    last: str | None = None
    while True:
        before = last
        names, standings, last = _batch(service, asked, owner, begin)
        for name in names:
            if name != before:
                yield name, standings.get(name)
        if last is None:
            return
        begin = last


def _batch(
    service: Service, asked: Judged, owner: str | None, begin: str
) -> tuple[list[str], dict[str, Standing], str | None]:
    """Answer the names of some machines, how those asked for stand, and the last where there are more."""
    names: list[str] = []
    last: str | None = None

    def find(connection: sa.Connection) -> Iterator[KnownMachine]:
        nonlocal last
        known, last = machines_from(connection, begin, at_most=_BATCH, owner=owner, named=asked.machine)
        names.extend(each.name for each in known)
        yield from (each for each in known if is_of(asked, each.name, each.labels))

    judged = kept_verdicts_on(service, find)
    report = assemble(judged, {}, now=service.now(), interval_s=service.interval_s, only=asked.policy)
    machines = {machine.name: machine for machine, _ in judged}
    return names, {each.name: Standing(machines[each.name], each) for each in report.machines}, last


def _environments(standing: Standing, asked: Judged) -> Iterator[tuple[EnvironmentRecord, TeamEnvironment]]:
    records = {each.record.path: each.record for each in standing.machine.environments}
    for judged in standing.told.environments:
        if asked.verdict in (None, judged.verdict):
            yield records[judged.path], judged


def _findings(judged: TeamEnvironment) -> Iterator[tuple[str, JudgedFinding]]:
    """Yield each finding with a key of what it says; equal ones are numbered."""
    seen: Counter[str] = Counter()
    for finding in judged.findings:
        told = (finding.kind, finding.package, finding.expected, finding.actual, finding.reason)
        text = "\0".join(each or "" for each in told)
        seen[text] += 1
        yield digest_of_text(f"{text}\0{seen[text]}"), finding


def _digests_asked(service: Service, requirement: str | None) -> frozenset[Digest] | None:
    if requirement is None:
        return None
    asked = package_wanted(requirement, "with")
    with service.database.reading() as connection:
        return digests_with(connection, versions_asked(connection, asked))


def _is_asked(finding: JudgedFinding, asked: FindingsAsked) -> bool:
    return (
        asked.kind in (None, finding.kind)
        and asked.severity in (None, finding.severity)
        and asked.package in (None, finding.package)
        and asked.waived in (None, finding.waived is not None)
    )


def _machine_row(machine: KnownMachine, standing: TeamMachine) -> MachineRow:
    policies = {each.policy for each in standing.environments if each.policy is not None}
    return MachineRow(
        machine=machine.name,
        state=standing.state,
        verdict=standing.verdict,
        seen=standing.seen,
        labels=dict(machine.labels),
        policies=tuple(sorted(policies)),
        environments=len(standing.environments),
        drifted=sum(each.verdict == "drifted" for each in standing.environments),
        errors=sum(map(_errors, standing.environments)),
        reason=standing.reason,
    )


def _environment_row(
    standing: TeamMachine, record: EnvironmentRecord, judged: TeamEnvironment
) -> EnvironmentRow:
    return EnvironmentRow(
        machine=standing.name,
        state=standing.state,
        environment=record.path,
        kind=record.kind,
        owner=record.owner,
        project=record.project.path if record.project is not None else None,
        digest=record.digest,
        verdict=judged.verdict,
        policy=judged.policy,
        revision=judged.revision,
        lock=judged.lock,
        errors=_errors(judged),
        reason=judged.reason,
    )


def _finding_row(standing: TeamMachine, judged: TeamEnvironment, finding: JudgedFinding) -> FindingRow:
    waived = finding.waived
    return FindingRow(
        machine=standing.name,
        state=standing.state,
        environment=judged.path,
        policy=judged.policy,
        revision=judged.revision,
        kind=finding.kind,
        package=finding.package,
        severity=finding.severity,
        expected=finding.expected,
        actual=finding.actual,
        reason=finding.reason,
        place=finding.place,
        fix=finding.fix,
        moved=finding.moved,
        waived_by=waived.approved_by if waived is not None else None,
        waived_until=waived.until if waived is not None else None,
    )


def _errors(judged: TeamEnvironment) -> int:
    return sum(each.counts for each in judged.findings)


def _has_label(labels: Mapping[str, str], asked: str) -> bool:
    key, _, value = asked.partition("=")
    return key in labels and (not value or fnmatchcase(labels[key], value))


def _no_cursor() -> RefusalError:
    return RefusalError(400, "not the `next` of a page: cursor", "leave it out for the first page")


def _cursor(position: Position) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")
