"""A machine of which not all is known is never compliant, and the report says why."""

from __future__ import annotations

import pytest

from envguard.wire import Records, TeamMachine
from tests.server.asking import POLICY, Server, a_checkin, a_record, a_snapshot, records

GOOD = a_snapshot(gym="0.26.2")
BAD = a_snapshot(gym="0.25.2")
CUT_OFF = "its last scan was cut off before its end"
ON_ITS_WAY = "what it found last has not reached the server yet"


@pytest.fixture
def secret(server: Server) -> str:
    server.push()
    return server.enrol("ws-7")


def told(
    server: Server, secret: str, held: Records, *, seq: int = 1, is_incomplete: bool | None = None
) -> bool:
    """Check in as an agent that found these; answer whether the server wants them."""
    message = a_checkin(held, seq=seq, is_incomplete=is_incomplete)
    answer = server.ask("POST", "/checkin", message, token=secret)
    assert answer.status == 200
    wants = answer.json()["wants_records"]
    assert isinstance(wants, bool)
    return wants


def machine_of(server: Server) -> TeamMachine:
    """The one machine; the summary counts it as its row says."""
    team = server.team()
    (machine,) = team.machines
    assert getattr(team.summary, machine.verdict) == 1
    return machine


def test_cut_off_look_is_unknown_where_it_saw_no_drift(server: Server, secret: str) -> None:
    server.report(secret, records(a_record(GOOD), is_incomplete=True), GOOD)
    machine = machine_of(server)
    assert (machine.verdict, machine.reason) == ("unknown", CUT_OFF)
    assert machine.environments[0].verdict == "compliant"


def test_cut_off_look_at_nothing_that_is_managed_is_unknown(server: Server, secret: str) -> None:
    server.report(secret, records(is_incomplete=True))
    assert (machine_of(server).verdict, machine_of(server).reason) == ("unknown", CUT_OFF)


def test_drift_that_a_cut_off_look_saw_is_drift(server: Server, secret: str) -> None:
    server.report(secret, records(a_record(BAD), is_incomplete=True), BAD)
    assert (machine_of(server).verdict, machine_of(server).reason) == ("drifted", None)


def test_whole_look_mends_it_once_its_records_are_here(server: Server, secret: str) -> None:
    cut_off, whole = records(a_record(GOOD), is_incomplete=True), records(a_record(GOOD))
    server.report(secret, cut_off, GOOD)
    assert not told(server, secret, cut_off, seq=1)
    assert told(server, secret, whole, seq=2)
    assert machine_of(server).reason == CUT_OFF
    server.report(secret, whole)
    assert not told(server, secret, whole, seq=3)
    assert (machine_of(server).verdict, machine_of(server).reason) == ("compliant", None)


def test_checkin_alone_may_say_that_its_look_was_cut_off(server: Server, secret: str) -> None:
    held = records(a_record(GOOD))
    server.report(secret, held, GOOD)
    told(server, secret, held, seq=1, is_incomplete=True)
    assert machine_of(server).reason == CUT_OFF
    told(server, secret, held, seq=2)
    assert machine_of(server).verdict == "compliant"


def test_what_changed_and_is_not_here_yet_is_not_compliant(server: Server, secret: str) -> None:
    server.report(secret, records(a_record(GOOD)), GOOD)
    changed = records(a_record(BAD))
    assert told(server, secret, changed)
    assert (machine_of(server).verdict, machine_of(server).reason) == ("unknown", ON_ITS_WAY)
    server.report(secret, changed)
    assert machine_of(server).verdict == "unknown"
    server.put_snapshot(secret, BAD)
    assert machine_of(server).verdict == "drifted"


def test_machine_that_sent_nothing_yet_says_so(server: Server, secret: str) -> None:
    assert (machine_of(server).verdict, machine_of(server).reason) == ("unknown", "has sent no records yet")


def test_silent_machine_says_since_when(server: Server, secret: str) -> None:
    server.report(secret, records(a_record(BAD)), BAD)
    server.now_s += 1000
    machine = machine_of(server)
    assert (machine.verdict, machine.state) == ("unknown", "stale")
    assert machine.reason == f"silent since {machine.seen:%Y-%m-%d %H:%M} UTC"


def test_report_of_one_policy_knows_it_too(server: Server, secret: str) -> None:
    server.push(POLICY.replace("rl-team", "vision").replace('"*"', '"/srv/*"'))
    server.report(secret, records(a_record(GOOD), is_incomplete=True), GOOD)
    assert server.team("?policy=rl-team").summary.unknown == 1
    assert server.team("?policy=vision").summary.machines == 0
