"""What machines and people tell of runs, and who may read it.

Rules
1. A run may be told of twice, and its end before its start: by its key it is one run.
2. A machine reads of the runs that it told of itself; people read of all.
3. Names are such as can be printed; all other texts are kept as they were told, and who prints them escapes
   them.
4. ``GET receipts`` takes ``with`` (a requirement), ``policy``, ``person``, ``machine``, ``since`` (a time),
   ``failed`` (0 or 1), ``limit``, and ``before``: the ``next`` of the answer before.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import msgspec
from starlette.requests import Request

from envguard.domain.package_asked import NotAsked, PackageAsked, package_asked
from envguard.domain.receipt import is_run_key
from envguard.log import get_log
from envguard.server.refusals import RefusalError
from envguard.server.service import Service
from envguard.server.store import receipts
from envguard.server.store.access import Principal
from envguard.server.store.contents import has_snapshot
from envguard.wire import NAME_CHARACTERS, RunMessage, RunReply, Runs, faults_of

LIMIT = 100
LIMIT_AT_MOST = 500

_LONGEST_DAY = timedelta(hours=50)
"""A reader's day begins 26 hours before the UTC day's end at the earliest; clocks are not exact."""
_PLACE = re.compile(r"(?P<at>-?[0-9]{1,12}\.[0-9]{1,12})_(?P<number>[1-9][0-9]{0,9})", re.ASCII)
_LARGEST_NUMBER = 2**31 - 1
"""What PostgreSQL's integers have room for: it refuses a question with a larger one."""
_COUNT = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)

_log = get_log(__name__)


def tell_run(service: Service, principal: Principal, message: RunMessage) -> RunReply:
    """Keep what is told of a run, and answer which snapshots are missing; raises RefusalError."""
    _check(message)
    run = message.run
    machine = principal.machine if message.is_of_sender else None
    with service.database.writing() as connection:
        receipts.keep_run(connection, message, machine=machine, now_s=service.clock())
        ran_in = run.ran_in
        missing = () if ran_in is None or has_snapshot(connection, ran_in) else (ran_in,)
    _log.info("run_told", kind=run.kind, machine=message.machine, is_ended=run.end is not None)
    return RunReply(missing)


def list_runs(service: Service, principal: Principal, request: Request) -> Runs:
    """Answer the newest runs that a request asks for; raises RefusalError."""
    asked = request.query_params
    package = _package_asked(asked["with"]) if "with" in asked else None
    wanted = receipts.Wanted(
        owner=principal.machine,
        person=_name_asked(request, "person"),
        machine=_name_asked(request, "machine"),
        policy=_name_asked(request, "policy"),
        since_s=moment_asked(asked["since"], "since").timestamp() if "since" in asked else None,
        failed=_yes_or_no(asked["failed"]) if "failed" in asked else None,
        before=_place_asked(asked["before"]) if "before" in asked else None,
    )
    limit = _limit_asked(asked["limit"]) if "limit" in asked else LIMIT
    with service.database.reading() as connection:
        found, place = receipts.runs_of(connection, wanted, limit=limit, package=package)
    return Runs(runs=found, next=f"{place.started_at!r}_{place.number}" if place is not None else None)


def day_asked(request: Request, now: datetime) -> datetime | None:
    """Answer when the reader's day began, by ``?since=``; None where nobody says. Raises RefusalError."""
    text = request.query_params.get("since")
    if text is None:
        return None
    since = moment_asked(text, "since")
    if not now - _LONGEST_DAY <= since <= now + _LONGEST_DAY:
        raise RefusalError(400, "not the beginning of this day: since", "?since=2026-11-23T00:00:00Z")
    return since


def _check(message: RunMessage) -> None:
    if not is_run_key(message.key):
        raise RefusalError(400, "malformed body: not a key - at `$.key`")
    for field, name in (("person", message.person), ("machine", message.machine)):
        if not name.strip() or len(name) > NAME_CHARACTERS or not name.isprintable():
            raise RefusalError(400, f"malformed body: not a name - at `$.{field}`")
    fault = next(faults_of(message.run), None)
    if fault is not None:
        raise RefusalError(400, f"malformed body: too long, or not what it must be - at `$.run.{fault}`")


def _name_asked(request: Request, field: str) -> str | None:
    name = request.query_params.get(field)
    if name is not None and not name.isprintable():
        raise RefusalError(400, f"not a name: {field}", f"?{field}=ann")
    return name


def _package_asked(text: str) -> PackageAsked:
    asked = package_asked(text)
    if isinstance(asked, NotAsked):
        raise RefusalError(400, f"{asked.reason}: with", "?with=numpy>=2")
    return asked


def moment_asked(text: str, field: str) -> datetime:
    """Answer the time that a part of an address says, in UTC; raises RefusalError with 400."""
    try:
        moment = msgspec.convert(text.replace(" ", "+"), datetime)
    except msgspec.ValidationError as error:
        raise RefusalError(400, f"not a time: {field}", f"?{field}=2026-11-23T00:00:00Z") from error
    if moment.tzinfo is None:
        raise RefusalError(400, f"a time without its zone: {field}", f"?{field}=2026-11-23T00:00:00Z")
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError as error:
        raise RefusalError(400, f"not a time: {field}", f"?{field}=2026-11-23T00:00:00Z") from error


def _place_asked(text: str) -> receipts.Place:
    found = _PLACE.fullmatch(text)
    if found is None or int(found["number"]) > _LARGEST_NUMBER:
        raise RefusalError(400, "not the `next` of an answer: before", "leave it out for the newest")
    return receipts.Place(float(found["at"]), int(found["number"]))


def _limit_asked(text: str) -> int:
    if not _COUNT.fullmatch(text) or int(text) > LIMIT_AT_MOST:
        raise RefusalError(400, f"a number from 1 to {LIMIT_AT_MOST} is expected: limit", "?limit=100")
    return int(text)


def _yes_or_no(text: str) -> bool:
    if text not in ("0", "1"):
        raise RefusalError(400, "0 or 1 is expected: failed", "?failed=1")
    return text == "1"
