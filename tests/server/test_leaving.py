"""A machine that says goodbye, or is a laptop, is away and not stale; it is never counted as matching."""

from __future__ import annotations

import pytest

from envguard.wire import Goodbye, MachineState, TeamMachine
from tests.server.asking import BAD, GOOD, Server, a_checkin, a_record, records, says

DAY_S = 24 * 3600.0
INTERVAL_S = 60.0


@pytest.fixture
def secret(server: Server) -> str:
    server.push()
    secret = server.enrol("ws-7")
    server.report(secret, records(a_record(GOOD)), GOOD)
    check_in(server, secret, 1)
    return secret


def check_in(server: Server, secret: str, seq: int, epoch: str = "e1") -> None:
    message = a_checkin(records(a_record(GOOD)), seq=seq, epoch=epoch)
    assert server.ask("POST", "/checkin", message, token=secret).status == 200


def leave(server: Server, secret: str, seq: int = 2, epoch: str = "e1", *, status: int = 204) -> None:
    assert server.ask("POST", "/goodbye", Goodbye(epoch, seq), token=secret).status == status


def only(server: Server) -> TeamMachine:
    (machine,) = server.team().machines
    return machine


def test_goodbye_is_away_at_once_for_a_week_and_counted_apart(server: Server, secret: str) -> None:
    leave(server, secret)
    assert (only(server).state, only(server).verdict, only(server).reason) == ("away", "compliant", None)
    summary = server.team().summary
    assert (summary.machines, summary.away, summary.compliant) == (1, 1, 0)
    server.now_s += 6.9 * DAY_S
    assert only(server).state == "away"
    server.now_s += 0.2 * DAY_S
    assert (only(server).state, only(server).verdict) == ("stale", "unknown")


def test_who_comes_back_is_online(server: Server, secret: str) -> None:
    leave(server, secret, 2)
    server.now_s += DAY_S
    check_in(server, secret, 3)
    assert only(server).state == "online"
    server.now_s += 4 * INTERVAL_S
    assert only(server).state == "stale"


@pytest.mark.parametrize(("epoch", "seq"), [("e1", 4), ("e1", 3), ("e0", 9)], ids=["old", "same", "epoch"])
def test_late_goodbye_sends_nobody_away(server: Server, secret: str, epoch: str, seq: int) -> None:
    check_in(server, secret, 4)
    server.now_s += 1
    leave(server, secret, seq, epoch, status=409)
    assert only(server).state == "online"


def test_replayed_goodbye_after_coming_back_is_refused(server: Server, secret: str) -> None:
    leave(server, secret, 2)
    server.now_s += DAY_S
    check_in(server, secret, 3)
    leave(server, secret, 2, status=409)
    assert only(server).state == "online"


def test_drift_of_who_is_away_is_kept_and_not_counted(server: Server, secret: str) -> None:
    server.report(secret, records(a_record(BAD)), BAD)
    leave(server, secret)
    assert only(server).verdict == "drifted"
    assert (server.team().summary.drifted, server.team().summary.away) == (0, 1)


@pytest.mark.parametrize(
    ("labels", "state"),
    [
        ({"laptop": "yes"}, "away"),
        ({"kind": "laptop"}, "away"),
        ({"laptop": ""}, "away"),
        ({"laptop": "no"}, "stale"),
        ({"kind": "desktop"}, "stale"),
        ({}, "stale"),
    ],
    ids=str,
)
def test_silent_laptop_is_away(sqlite_server: Server, labels: dict[str, str], state: MachineState) -> None:
    sqlite_server.enrol("bob-mbp", **labels)
    assert only(sqlite_server).state == "online"
    sqlite_server.now_s += 3 * INTERVAL_S + 1
    assert only(sqlite_server).state == state
    sqlite_server.now_s += 7 * DAY_S
    assert only(sqlite_server).state == "stale"


def test_only_a_machine_says_goodbye_and_in_words_that_fit(sqlite_server: Server) -> None:
    says(sqlite_server.ask("POST", "/goodbye", Goodbye("e", 1), token=sqlite_server.admin), 403)
    secret = sqlite_server.enrol("ws-7")
    says(sqlite_server.ask("POST", "/goodbye", Goodbye("e", -1), token=secret), 400, "$.seq")
    says(sqlite_server.ask("POST", "/goodbye", b'{"epoch":"a\\u0000","seq":1}', token=secret), 400, "$.epoch")
    says(sqlite_server.ask("POST", "/goodbye", b" " * 5000, token=secret), 413)
