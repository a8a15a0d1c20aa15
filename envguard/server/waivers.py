"""Asking for permissions to differ, deciding about them, and what they are good for.

Rules
1. A lead's waiver is granted as it is asked for; a machine asks for itself only, and waits for a lead's word.
2. Every message may be sent twice: a second one finds what the first did, and changes nothing.
3. Who and when is the server's to say: by the token that came, and by its own clock.
4. A permission that is granted, or ended before its time, counts at once for the machine that it names; for
   all it counts at once as far as whoever decided can wait, and then by and by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator
from datetime import timezone
from typing import Literal

import msgspec
import sqlalchemy as sa

from envguard.domain.environment import EnvironmentRecord
from envguard.domain.nearest import nearest
from envguard.domain.policy import LockedPolicy, Waiver
from envguard.domain.requirements import normalised_name
from envguard.domain.rights import may
from envguard.domain.verdict import Verdict
from envguard.domain.waiver import acquits, wrong_end
from envguard.formats.language import is_package_name
from envguard.formats.selectors import ENVIRONMENT_HINT, is_environment_pattern
from envguard.log import get_log
from envguard.server.auth import entry_by
from envguard.server.judging import judge_at_once, waiver_moved
from envguard.server.refusals import RefusalError
from envguard.server.reporting import KeptVerdicts
from envguard.server.service import Service, known_policies
from envguard.server.store import audit, waivers
from envguard.server.store.access import Principal
from envguard.server.store.machines import machine_named, machines_of_cases
from envguard.server.store.policies import newest_revisions
from envguard.wire import AcquittedFinding, WaiverEntry, WaiverRequest, Waivers, entry_of_file

Decision = Literal["approve", "refuse", "end"]

_REASON_LIMIT = 500
_PATTERN_LIMIT = 4096
_NAME_LIMIT = 200
_ASKED_AT_MOST = 100
"""By one machine or person, at one time."""

_LISTED = "list them: envguard waivers --all"
_OPEN = ("asked", "granted")
_ORDER = ("asked", "granted", "expired", "refused", "ended")

_log = get_log(__name__)


def ask_for_waiver(service: Service, principal: Principal, request: WaiverRequest) -> WaiverEntry:
    """Answer the waiver that was granted or asked for; raises RefusalError where it cannot be."""
    _check(service, request)
    is_granted = may(principal.role, "decide")
    until = request.until.astimezone(timezone.utc).replace(microsecond=0)
    with service.database.writing_alone() as connection:
        by = principal.name
        machine = _machine_meant(connection, principal, by, request.machine)
        _check_policy(connection, request.policy)
        wanted = msgspec.structs.replace(request, package=normalised_name(request.package), until=until)
        now_s = service.clock()
        number, is_new = waivers.add_waiver(
            connection, wanted, machine=machine, by=by, is_granted=is_granted, now_s=now_s
        )
        if not is_granted:
            _check_count(connection, principal, now_s)
        kept = _numbered(connection, number, now_s)
        if is_new:
            audit.record(connection, entry_by(principal, "waiver.ask", _named(kept.entry)), now_s)
        if is_granted:
            waiver_moved(connection, kept, service.now())
    _log.info("waiver_asked_for", waiver=number, policy=request.policy, by=by, state=kept.entry.state)
    return _judged_anew(service, kept)


def decide_waiver(
    service: Service, principal: Principal, number: int, decision: Decision, reason: str | None
) -> WaiverEntry:
    """Answer the waiver after a lead's word; raises RefusalError with 404, or 409 where it is too late."""
    if reason is not None:
        _check_reason(reason)
    now_s = service.clock()
    with service.database.writing_alone() as connection:
        by = principal.name
        before = _numbered(connection, number, now_s)
        if not _is_done(before.entry, decision):
            _check_decidable(before.entry, decision)
            if decision == "approve":
                waivers.grant(connection, number, by=by, now_s=now_s, reason=reason)
            else:
                how: waivers.Closing = "refused" if decision == "refuse" else "ended"
                waivers.close(connection, number, how, by=by, now_s=now_s, reason=reason)
            entry = entry_by(principal, f"waiver.{decision}", _named(before.entry))
            audit.record(connection, entry, now_s)
        kept = _numbered(connection, number, now_s)
        if "granted" in (before.entry.state, kept.entry.state):
            waiver_moved(connection, kept, service.now())
    _log.info("waiver_decided", waiver=number, decision=decision, by=by)
    return _judged_anew(service, kept)


def list_waivers(service: Service, principal: Principal, *, policy: str | None, is_all: bool) -> Waivers:
    """Answer the waivers that the one who asks may see; those of policies' files among them."""
    with service.database.reading() as connection:
        if policy is not None:
            _check_policy(connection, policy)
        kept = waivers.kept_waivers(connection, service.clock(), machine=principal.machine)
        policies = known_policies(connection, service.clock())
    own = None if principal.machine is None else principal.name
    entries = [each.entry for each in kept]
    for name, known in policies.items():
        if isinstance(known, LockedPolicy):
            of_file = [each for each in known.policy.waivers if own is None or each.machine in (None, own)]
            entries += [entry_of_file(name, each, service.now()) for each in of_file]
    wanted = [each for each in entries if policy in (None, each.policy) and (is_all or each.state in _OPEN)]
    found = _with_acquitted(service, principal.machine, wanted)
    return Waivers(
        tuple(sorted(found, key=lambda each: (_ORDER.index(each.state), each.until, each.id or 0)))
    )


def _check(service: Service, request: WaiverRequest) -> None:
    if not is_package_name(request.package) or len(request.package) > _NAME_LIMIT:
        raise RefusalError(400, "malformed body: not a package's name - at `$.package`")
    _check_reason(request.reason)
    pattern = request.environment
    if pattern is not None and (len(pattern) > _PATTERN_LIMIT or not is_environment_pattern(pattern)):
        raise RefusalError(400, "malformed body: names no environment - at `$.environment`", ENVIRONMENT_HINT)
    why = wrong_end(request.until, service.now())
    if why is not None:
        raise RefusalError(422, why, "--until fri, --until 2w, or a day: --until 2027-02-01")


def _check_reason(reason: str) -> None:
    is_text = all(char.isprintable() or char in "\n\t" for char in reason)
    if not reason.strip() or len(reason) > _REASON_LIMIT or not is_text:
        what = f"a reason is 1 to {_REASON_LIMIT} characters that can be printed"
        raise RefusalError(400, f"malformed body: {what} - at `$.reason`")


def _check_policy(connection: sa.Connection, policy: str) -> None:
    known = newest_revisions(connection)
    if policy not in known:
        near = nearest(policy, list(known))
        hint = f"did you mean {near}?" if near is not None else "list them: envguard policy list"
        raise RefusalError(404, f"the server has no such policy: {policy}", hint)


def _check_count(connection: sa.Connection, principal: Principal, now_s: float) -> None:
    """Raise where one was asked for too many, which then is not kept; one that was there already is not."""
    count = (
        waivers.count_asked_by(connection, principal.name, now_s)
        if principal.machine is None
        else waivers.count_asked_of(connection, principal.machine, now_s)
    )
    if count > _ASKED_AT_MOST:
        whose = "of yours" if principal.machine is None else "of this machine"
        what = f"{_ASKED_AT_MOST} waivers {whose} wait for a lead's word already"
        raise RefusalError(409, what, "list them: envguard waivers")


def _machine_meant(connection: sa.Connection, principal: Principal, by: str, named: str | None) -> str | None:
    """Answer the id of the machine that a waiver is to be for; None for all."""
    if principal.machine is not None:
        if named not in (None, by):
            raise RefusalError(403, f"a machine asks for itself only: {by}", "a lead may waive for others")
        return principal.machine
    if named is None:
        return None
    machine = machine_named(connection, named)
    if machine is None:
        raise RefusalError(404, f"the server knows no such machine: {named}", "list them: envguard team")
    return machine


def _named(entry: WaiverEntry) -> str:
    where = entry.machine or "all machines"
    return f"{entry.id}: {entry.package} by {entry.policy} on {where} until {entry.until:%Y-%m-%dT%H:%M:%SZ}"


def _numbered(connection: sa.Connection, number: int, now_s: float) -> waivers.KeptWaiver:
    kept = waivers.waiver_numbered(connection, number, now_s)
    if kept is None:
        raise RefusalError(404, f"the server has no such waiver: {number}", _LISTED)
    return kept


def _is_done(entry: WaiverEntry, decision: Decision) -> bool:
    return (entry.state, decision) in (("granted", "approve"), ("refused", "refuse"), ("ended", "end"))


def _check_decidable(entry: WaiverEntry, decision: Decision) -> None:
    if entry.state == "asked" or (entry.state == "granted" and decision == "end"):
        return
    step = entry.ended or entry.decided
    who = f" by {step.by} on {step.at:%Y-%m-%d %H:%M} UTC" if step is not None else ""
    if entry.state == "expired":
        raise RefusalError(409, f"waiver {entry.id} ended on {entry.until:%Y-%m-%d %H:%M} UTC", _LISTED)
    hint = f"envguard waivers end {entry.id}" if entry.state == "granted" else _LISTED
    raise RefusalError(409, f"waiver {entry.id} was {entry.state}{who}", hint)


def _judged_anew(service: Service, kept: waivers.KeptWaiver) -> WaiverEntry:
    """Answer a waiver with what it covers, once what waits is judged (rule 4)."""
    judge_at_once(service)
    [entry] = _with_acquitted(service, kept.machine, [kept.entry])
    return entry


def _with_acquitted(
    service: Service, machine: str | None, entries: Iterable[WaiverEntry]
) -> list[WaiverEntry]:
    """Answer waivers with the findings that they cover now; only of this machine where one is named."""
    now = service.now()
    covered: dict[WaiverEntry, list[AcquittedFinding]] = {each: [] for each in entries}
    asked: dict[tuple[str, str], list[WaiverEntry]] = defaultdict(list)
    for entry in covered:
        if entry.state in _OPEN:
            asked[entry.policy, entry.package].append(entry)
    for there, record, verdict in _verdicts(service, machine, asked) if asked else ():
        policy = verdict.policy.name if verdict.policy is not None else ""
        for finding in verdict.findings:
            for entry in asked.get((policy, finding.package or ""), ()):
                waiver = _as_waiver(entry)
                if acquits(waiver, finding.kind, finding.package, machine=there, record=record, now=now):
                    where = AcquittedFinding(machine=there, environment=record.path, kind=finding.kind)
                    covered[entry].append(where)
    return [msgspec.structs.replace(entry, acquits=tuple(where)) for entry, where in covered.items()]


def _verdicts(
    service: Service, machine: str | None, asked: Container[tuple[str, str]]
) -> Iterator[tuple[str, EnvironmentRecord, Verdict]]:
    """Yield the verdicts with such findings, each with the name of its machine."""
    with service.database.reading() as connection:
        verdicts = KeptVerdicts(connection, service.now())
        concerned = verdicts.cases_with(asked)
        for known in machines_of_cases(connection, concerned, machine):
            for environment in known.environments:
                yield known.name, environment.record, verdicts.on(environment).verdict


def _as_waiver(entry: WaiverEntry) -> Waiver:
    return Waiver(
        package=entry.package,
        until=entry.until,
        reason=entry.reason,
        approved_by=entry.approved_by or "",
        machine=entry.machine,
        environment=entry.environment,
        kind=entry.kind,
    )
