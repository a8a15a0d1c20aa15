"""What a server is told of runs, and what it tells of them, on each kind of database."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from envguard.domain.receipt import HandedKind, Receipt
from envguard.domain.verdict import Outcome
from envguard.server.store import receipts as store
from envguard.wire import RUN_LIMIT_BYTES, RunEntry, RunReply, Runs, message_of
from tests.builders.runs import KEY, a_finding, a_key, a_receipt, handed
from tests.server.asking import BAD, GOOD, Answer, Server, a_snapshot, says

NOW_S = 1_790_000_000.0
NOW = datetime.fromtimestamp(NOW_S, timezone.utc)
ENDED = {"end": NOW - timedelta(minutes=1), "exit_code": 0}


def tell(
    server: Server,
    receipt: Receipt,
    kind: HandedKind = "run",
    *,
    token: str | None = None,
    person: str = "ann",
    is_of_sender: bool = True,
) -> tuple[str, ...]:
    """Tell of a run, and answer the digests that the server lacks."""
    message = message_of(handed(receipt, kind, person=person), is_of_sender=is_of_sender)
    answer = server.ask("POST", "/receipts", message, token=token or server.admin)
    assert answer.status == 200, answer
    return msgspec.json.decode(answer.body, type=RunReply).missing


def runs(server: Server, query: str = "", token: str | None = None) -> Runs:
    answer = server.ask("GET", f"/receipts{query}", token=token or server.admin)
    assert answer.status == 200, answer
    return msgspec.json.decode(answer.body, type=Runs)


def one(server: Server) -> RunEntry:
    [entry] = runs(server).runs
    return entry


def started(minutes_ago: float) -> datetime:
    return NOW - timedelta(minutes=minutes_ago)


def test_a_run_is_told_at_its_start_and_at_its_end_and_is_one(server: Server) -> None:
    secret = server.enrol("ws-7")
    receipt = a_receipt(GOOD, start=started(10))
    assert tell(server, receipt, token=secret) == (receipt.digest,)
    entry = one(server)
    assert (entry.person, entry.machine, entry.told_by) == ("ann", "ws-7", "machine")
    assert (entry.run.end, entry.run.exit_code, entry.run.verdict) == (None, None, "compliant")
    tell(server, msgspec.structs.replace(receipt, **ENDED, digest_at_end=receipt.digest), token=secret)
    entry = one(server)
    assert (entry.run.end, entry.run.exit_code, entry.run.is_changed) == (ENDED["end"], 0, False)
    assert KEY not in msgspec.json.encode(entry).decode(), "who reads of a run may not say more of it"


def test_what_comes_twice_or_late_changes_nothing(server: Server) -> None:
    receipt = a_receipt(GOOD, start=started(10))
    ended = msgspec.structs.replace(receipt, **ENDED)
    for each in (ended, receipt, ended, receipt):
        tell(server, each)
    assert one(server).run.exit_code == 0
    tell(server, msgspec.structs.replace(ended, parameters={"lr": 0.1}))
    assert one(server).run.parameters == {"lr": 0.1}, "a stamp after the end says more"


def test_the_content_of_an_environment_is_sent_once_by_whom_it_may(server: Server) -> None:
    receipt = a_receipt(GOOD, start=started(10))
    assert tell(server, receipt) == (receipt.digest,)
    assert server.put_snapshot(server.admin, GOOD).status == 204
    assert tell(server, receipt) == ()
    refused = a_receipt(BAD, "drifted", key=a_key(1), start=started(9))
    assert tell(server, refused, "refused") == (), "nothing ran there"


def test_a_machine_that_tells_of_another_host_is_not_that_host(server: Server) -> None:
    secret = server.enrol("login-node")
    tell(server, a_receipt(GOOD, start=started(1)), token=secret, is_of_sender=False)
    entry = one(server)
    assert (entry.machine, entry.told_by) == ("ws-7", "person")
    assert runs(server, token=secret).runs == ()


def test_machines_read_of_their_own_runs_and_people_of_all(server: Server) -> None:
    for number, name in enumerate(("ws-7", "ws-9")):
        secret = server.enrol(name)
        tell(server, a_receipt(GOOD, key=a_key(number), start=started(5 - number)), token=secret)
        assert [each.machine for each in runs(server, token=secret).runs] == [name]
    assert [each.machine for each in runs(server).runs] == ["ws-9", "ws-7"]
    assert [each.machine for each in runs(server, "?machine=ws-7").runs] == ["ws-7"]


@pytest.fixture
def told(server: Server) -> Server:
    """Six runs, one a minute: of each package another version, and what happened of each kind."""
    snapshots = [a_snapshot(numpy=version) for version in ("1.26.4", "2.0.0", "2.1.0")]
    facts: list[tuple[str, HandedKind, dict[str, Any]]] = [
        ("ann", "run", {"exit_code": 0, "end": started(6)}),
        ("ann", "run", {"exit_code": 3, "end": started(5)}),
        ("bob", "run", {}),
        ("bob", "refused", {"end": started(4)}),
        ("eve", "run", {"allow_drift": "paper\nrerun", "exit_code": 137, "end": started(3)}),
        ("eve", "stamp", {"command": (), "end": started(2)}),
    ]
    for number, (person, kind, fields) in enumerate(facts):
        verdict: Outcome = "drifted" if kind == "refused" or "allow_drift" in fields else "compliant"
        snapshot = snapshots[number // 2]
        receipt = a_receipt(snapshot, verdict, key=a_key(number), start=started(7 - number), **fields)
        tell(server, receipt, kind, person=person)
        assert server.put_snapshot(server.admin, snapshot).status == 204
    return server


@pytest.mark.parametrize(
    ("query", "people"),
    [
        ("", ["eve", "eve", "bob", "bob", "ann", "ann"]),
        ("?with=numpy%3E=2", ["eve", "eve", "bob"]),
        ("?with=NumPy", ["eve", "eve", "bob", "ann", "ann"]),
        ("?with=numpy%3C2&failed=1", ["ann"]),
        ("?with=torch", []),
        ("?person=bob", ["bob", "bob"]),
        ("?policy=rl-team&limit=1", ["eve"]),
        ("?policy=other", []),
        ("?failed=1", ["eve", "ann"]),
        ("?failed=0", ["eve", "bob", "bob", "ann"]),
        (f"?since={started(4.5).isoformat().replace('+00:00', 'Z')}", ["eve", "eve", "bob"]),
        (f"?since={started(4.5).isoformat()}", ["eve", "eve", "bob"]),
    ],
)
def test_runs_are_found_by_what_is_asked(told: Server, query: str, people: list[str]) -> None:
    assert [each.person for each in runs(told, query).runs] == people


@pytest.mark.parametrize(("limit", "asked"), [(2, ""), (1, "&with=numpy"), (6, ""), (5, "")])
def test_pages_follow_each_other_without_a_gap(told: Server, limit: int, asked: str) -> None:
    query = f"?limit={limit}{asked}"
    everything = runs(told, f"?{asked}").runs
    found: list[RunEntry] = []
    page = runs(told, query)
    while True:
        found += page.runs
        if page.next is None:
            break
        page = runs(told, f"{query}&before={page.next}")
    assert tuple(found) == everything


@pytest.mark.parametrize(
    "query",
    [
        "with=numpy%20%3E",
        "with=x%20@%20https://index.example/x",
        "with=",
        "with=x;" + "(" * 5000,
        "before=1",
        "before=nan_1",
        "before=1e9_1",
        "before=1.0_9999999999",
        "limit=0",
        "limit=501",
        "limit=x",
        "since=yesterday",
        "since=2026-11-23T00:00:00",
        "failed=yes",
        "person=a%00b",
        "policy=%1b[31m",
    ],
)
def test_what_cannot_be_asked_is_refused(server: Server, query: str) -> None:
    says(server.ask("GET", f"/receipts?{query}", token=server.admin), 400)


def post(server: Server, change: dict[str, Any], *, run: dict[str, Any] | None = None) -> Answer:
    message = msgspec.to_builtins(message_of(handed(a_receipt(GOOD)), is_of_sender=False))
    message |= change
    message["run"] |= run or {}
    return server.ask("POST", "/receipts", message, token=server.admin)


HOSTILE: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a key that is none": ({"key": "x"}, {}, "$.key"),
    "an escape in a person's name": ({"person": "ann\x1b[31m"}, {}, "$.person"),
    "no person": ({"person": " "}, {}, "$.person"),
    "a machine's name with a line end": ({"machine": "a\nb"}, {}, "$.machine"),
    "a long name": ({"person": "a" * 201}, {}, "$.person"),
    "an escape in an id": ({}, {"id": "\x1b[2J"}, "$.run.id"),
    "a policy's name over two lines": ({}, {"policy": {"name": "a\nb"}}, "$.run.policy.name"),
    "a time without a zone": ({}, {"start": "2026-11-23T00:00:00"}, "$.run.start"),
    "a kind that is none": ({}, {"kind": "party"}, "$.run.kind"),
    "a verdict that is none": ({}, {"verdict": "fine"}, "$.run.verdict"),
    "a long command": ({}, {"command": ["a" * 8001]}, "$.run.command"),
    "a long reason": ({}, {"allow_drift": "a" * 1001}, "$.run.allow_drift"),
    "an exit code that is none": ({}, {"exit_code": 2**70}, "$.run.exit_code"),
    "no digest": ({}, {"digest": "sha256:x"}, "$.run.digest"),
    "many parameters": ({}, {"parameters": {str(each): each for each in range(101)}}, "$.run.parameters"),
    "nested": ({}, {"parameters": {"a": {"b": 1}}}, "$.run.parameters"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_messages_are_refused_with_their_place(server: Server, name: str) -> None:
    change, run, place = HOSTILE[name]
    says(post(server, change, run=run), 400, place)
    assert runs(server).runs == ()


def test_a_message_that_is_too_large_is_refused(server: Server) -> None:
    says(server.ask("POST", "/receipts", b" " * (RUN_LIMIT_BYTES + 1), token=server.admin), 413)


def test_what_is_told_may_hold_any_character_of_a_command(server: Server) -> None:
    command = ["python", "-c", "print(1)\n\x1b[31m\0"]
    assert (
        post(server, {}, run={"command": command, "allow_drift": "a\0b", "verdict": "drifted"}).status == 200
    )
    assert one(server).run.command == tuple(command)
    assert server.team().today is not None


def test_a_run_from_the_future_began_when_it_was_told(server: Server) -> None:
    tell(server, a_receipt(GOOD, start=NOW + timedelta(days=400)))
    tell(server, a_receipt(GOOD, key=a_key(1), start=NOW + timedelta(days=1)))
    server.now_s += 60
    tell(server, a_receipt(GOOD, key=a_key(2), start=NOW + timedelta(seconds=30)))
    assert [each.number for each in runs(server).runs] == sorted(
        (each.number for each in runs(server).runs), reverse=True
    )


def test_an_empty_environment_has_no_package(server: Server) -> None:
    tell(server, a_receipt(a_snapshot(), start=started(1)))
    assert server.put_snapshot(server.admin, a_snapshot()).status == 204
    assert runs(server, "?with=numpy").runs == ()


def test_the_report_counts_refusals_and_what_was_started_anyway(told: Server) -> None:
    tell(told, a_receipt(BAD, "drifted", key=a_key(9), start=started(1)), "refused", person="eve")
    tell(told, a_receipt(BAD, "drifted", key=a_key(10), start=started(1)), "refused", person="eve")
    # a reason that was not needed
    tell(told, a_receipt(GOOD, key=a_key(11), start=started(1), allow_drift="always"), person="ann")
    # what did not start was not started anyway
    tell(told, a_receipt(BAD, "drifted", key=a_key(13), start=started(1), allow_drift="late"), "refused")
    tell(told, a_receipt(BAD, "drifted", key=a_key(12), start=NOW - timedelta(days=2)), "refused")
    today = told.team().today
    assert today is not None
    assert (today.since.hour, today.since.date()) == (0, NOW.date())
    assert today.refused == {"eve": 2, "ann": 1, "bob": 1}
    [anyway] = today.anyway
    assert (anyway.person, anyway.reason, anyway.count) == ("eve", "paper\nrerun", 1)
    mine = told.team(f"?since={started(0.5).isoformat()}").today
    assert mine is not None
    assert (mine.refused, mine.anyway) == ({}, ())
    for since in ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "soon"):
        says(told.ask("GET", f"/team?since={since}", token=told.admin), 400, "since")


def test_the_report_of_one_policy_counts_its_own_runs(told: Server) -> None:
    told.keep_policy("rl-team", "envguard: 1\nname: rl-team\n")
    told.keep_policy("other", "envguard: 1\nname: other\n")
    mine, other = told.team("?policy=rl-team").today, told.team("?policy=other").today
    assert mine is not None
    assert other is not None
    assert (mine.refused, other.refused, other.anyway) == ({"bob": 1}, {}, ())


def test_old_runs_go(server: Server) -> None:
    keeping = store.Keeping(runs=3, age_s=3600, looked_after=1)

    def keep(number: int, now_s: float) -> None:
        told = message_of(handed(a_receipt(GOOD, key=a_key(number))), is_of_sender=False)
        with server.database.writing() as connection:
            store.keep_run(connection, told, machine=None, now_s=now_s, keeping=keeping)

    for number in range(5):
        keep(number, NOW_S)
    assert len(runs(server).runs) == 3
    keep(9, NOW_S + 3601)
    assert len(runs(server).runs) == 1


@pytest.mark.parametrize("character", ["x", "\x01", "\U0001f40d"], ids=["plain", "escaped", "wide"])
def test_what_is_long_is_cut_before_it_is_sent(server: Server, character: str) -> None:
    receipt = a_receipt(
        BAD,
        "drifted",
        command=("python", character * 9000, "more"),
        folder="/" + character * 5000,
        allow_drift=character * 2000,
        undecided=character * 2000,
        id="a\nb" * 200,
        parameters={f"p{number}{character * 300}": character * 2000 for number in range(150)},
    )
    assert receipt.judgement is not None
    verdict = receipt.judgement.verdict
    findings = [a_finding(f"p{number}", "warn") for number in range(150)]
    long = [
        msgspec.structs.replace(each, actual=character * 3000, expected=character * 3000) for each in findings
    ]
    verdict = msgspec.structs.replace(verdict, findings=(*long, *verdict.findings))
    judgement = msgspec.structs.replace(receipt.judgement, verdict=verdict)
    tell(server, msgspec.structs.replace(receipt, judgement=judgement))
    run = one(server).run
    assert (len(run.findings), run.findings_left_out, run.findings[0].package) == (100, 51, "gym")
    assert run.command[0] == "python"
    assert run.command[-1].endswith(f"{character}...")
    assert len(run.parameters) == 100


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_times_at_the_ends_of_the_calendar_are_kept(server: Server, at: str) -> None:
    assert post(server, {}, run={"start": at, "end": at}).status == 200
    page = runs(server, "?limit=1")
    assert (len(page.runs), page.next) == (1, None)
