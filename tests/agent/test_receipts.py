"""Receipts that an agent takes on its socket, and sends to the server in its time."""

from __future__ import annotations

import json
import os
import pwd
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
import pytest

from envguard.domain.receipt import Handed
from envguard.state import State
from envguard.state.outbox import COUNT, ITEM_BYTES, all_outboxes, outbox_of
from tests.agent.team import Team, joined
from tests.agent.test_socket import place, running, send, socket_of, wait_for
from tests.builders.runs import a_key, a_receipt, handed
from tests.server.asking import GOOD

__all__ = ["place"]

HOST = os.uname().nodename
HANDING = """
import os, socket, sys
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
content = sys.stdin.buffer.read()
with socket.socket(socket.AF_UNIX) as asking:
    asking.connect(sys.argv[1])
    asking.sendall(b"receipt 1\\t%d\\n" % len(content) + content)
    print(asking.makefile().read(), end="")
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[tuple[State, Team]]:
    """It looks, and tells its server, once a second."""
    roots = tmp_path / "roots"
    roots.mkdir()
    with joined(tmp_path, roots=roots) as (state, team, _server):
        yield state, team


def content_of(message: Handed) -> bytes:
    return msgspec.json.encode(message)


def hand(place: Path, content: bytes) -> bytes:
    return send(place, b"receipt 1\t%d\n" % len(content) + content)


def own_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def test_who_it_was_is_the_kernels_to_say_and_where_the_agents(
    machine: tuple[State, Team], place: Path, tmp_path: Path
) -> None:
    state, team = machine
    with running(state, place, tmp_path / "log"):
        wait_for(socket_of(place).exists)
        told = handed(a_receipt(GOOD), person="lead", host=HOST)
        assert hand(place, content_of(told)) == b"taken\n"
        wait_for(lambda: team.runs)
        elsewhere = handed(a_receipt(GOOD, key=a_key(2)), person="lead", host="another")
        elsewhere = msgspec.structs.replace(elsewhere, machine="gpu-3")
        assert hand(place, content_of(elsewhere)) == b"taken\n"
        wait_for(lambda: len(team.runs) == 2)
        wait_for(lambda: not any(each.waiting() for each in all_outboxes(state.path)))
    first, second = team.runs
    identity = state.identity()
    assert identity is not None
    assert (first.person, first.machine, first.is_of_sender) == (own_name(), identity.name, True)
    assert (second.person, second.machine, second.is_of_sender) == (own_name(), "gpu-3", False)
    assert team.snapshots == [first.run.digest, second.run.digest], "the server lacked it each time"


def test_another_user_hands_on_as_himself(machine: tuple[State, Team], place: Path) -> None:
    state, team = machine
    with running(state, place):
        wait_for(socket_of(place).exists)
        content = content_of(handed(a_receipt(GOOD), person="root", host=HOST))
        arguments = [sys.executable, "-I", "-c", HANDING, str(socket_of(place))]
        done = subprocess.run(arguments, input=content, capture_output=True, timeout=30, check=True)
        assert done.stdout == b"taken\n"
        wait_for(lambda: team.runs)
    uid = 65534 if os.geteuid() == 0 else os.geteuid()
    assert team.runs[0].person == pwd.getpwuid(uid).pw_name
    assert [each.name for each in (state.path / "outbox").iterdir()] == [str(uid)], "it waited among his own"


def a_message(**change: object) -> bytes:
    whole = json.loads(content_of(handed(a_receipt(GOOD))))
    return json.dumps({**whole, **change}).encode()


WRONG = {
    "nothing": b"",
    "no JSON": b"\xff\0{",
    "another document": b"[1, 2]",
    "a kind that is none": a_message(kind="party"),
    "nested": a_message(receipt=json.loads("[" * 500 + "]" * 500)),
    "too deep": b"[" * 100_000,
    "a time without a zone": content_of(
        handed(msgspec.structs.replace(a_receipt(GOOD), start=datetime(2026, 11, 23)))  # noqa: DTZ001 - it has none
    ),
    "no key": content_of(handed(a_receipt(GOOD, key=""))),
    "a key that is a path": content_of(handed(a_receipt(GOOD, key="../../../../etc/passwd_________"))),
}
HUNG_UP = {
    "no number": b"receipt 1\tx\n{}",
    "a negative number": b"receipt 1\t-1\n{}",
    "another form of digits": "receipt 1\t\u0661\n{}".encode(),
    "too many bytes announced": b"receipt 1\t%d\n{}" % (ITEM_BYTES + 1),
    "more digits than a line needs": b"receipt 1\t" + b"0" * 8000 + b"1\n{",
    "less than announced": b"receipt 1\t100\n{}",
}


def test_hostile_messages_are_refused_and_the_good_taken(
    machine: tuple[State, Team], place: Path, tmp_path: Path
) -> None:
    state, team = machine
    with running(state, place, tmp_path / "log") as process:
        wait_for(socket_of(place).exists)
        for name, content in WRONG.items():
            answer = hand(place, content)
            assert answer.startswith(b"wrong\t"), name
            assert answer.count(b"\n") == 1, name
        for name, question in HUNG_UP.items():
            began = time.monotonic()
            assert send(place, question) == b"", name
            assert time.monotonic() - began < 5, name
        control = handed(a_receipt(GOOD, id="\x1b[31m", command=("a\x1b[2J\n",)), host="\x1b[2J\n")
        assert hand(place, content_of(msgspec.structs.replace(control, machine="\x1b[2J\n"))) == b"taken\n"
        wait_for(lambda: team.runs)
        assert process.poll() is None
    assert "question_broke" not in (tmp_path / "log").read_text()
    [told] = team.runs
    for name in (told.machine, told.person, told.run.id):
        assert name.isprintable()


def test_a_message_that_comes_in_pieces_is_one(machine: tuple[State, Team], place: Path) -> None:
    state, _ = machine
    content = content_of(handed(a_receipt(GOOD, parameters={"text": "x" * 500_000})))
    with running(state, place), socket.socket(socket.AF_UNIX) as telling:
        wait_for(socket_of(place).exists)
        telling.settimeout(5)
        telling.connect(str(socket_of(place)))
        whole = b"receipt 1\t%d\n" % len(content) + content
        for start in range(0, len(whole), 100_000):
            telling.sendall(whole[start : start + 100_000])
            time.sleep(0.02)
        assert telling.recv(100) == b"taken\n"


def test_while_the_server_is_away_so_much_of_each_user_waits(
    machine: tuple[State, Team], place: Path, tmp_path: Path
) -> None:
    state, team = machine
    with running(state, place, tmp_path / "log"):
        wait_for(lambda: team.checkins)
        team.is_away = True
        other = outbox_of(state.path, 4242)
        other.put(a_key(0), content_of(handed(a_receipt(GOOD, key=a_key(0)), person="bob")), at_ns=1)
        for number in range(COUNT + 5):
            message = handed(a_receipt(GOOD, key=a_key(number + 1)), person="ann", host=HOST)
            wait_for(lambda told=message: hand(place, content_of(told)) == b"taken\n")
        assert len(outbox_of(state.path, os.geteuid()).waiting()) <= COUNT
        assert len(other.waiting()) == 1, "one user's takes nothing of another's"
        assert "receipts_dropped" in (tmp_path / "log").read_text()
        assert team.runs == []
        team.is_away = False
        wait_for(lambda: len(team.runs) == COUNT + 1)
        wait_for(lambda: not any(each.waiting() for each in all_outboxes(state.path)))
    assert {each.person for each in team.runs[:2]} == {"bob", own_name()}, "in turn"


def test_a_start_that_comes_late_takes_nothing_of_its_end(machine: tuple[State, Team], place: Path) -> None:
    state, team = machine
    start = a_receipt(GOOD)
    end = msgspec.structs.replace(start, end=start.start, exit_code=3)
    with running(state, place):
        wait_for(lambda: team.checkins)
        team.is_away = True
        for receipt in (start, end, start):
            assert hand(place, content_of(handed(receipt, host=HOST))) == b"taken\n"
        team.is_away = False
        wait_for(lambda: team.runs)
        wait_for(lambda: not any(each.waiting() for each in all_outboxes(state.path)))
    assert 3 in [each.run.exit_code for each in team.runs]


def test_what_the_server_will_never_take_is_not_sent_again_and_all_else_waits(
    machine: tuple[State, Team], place: Path, tmp_path: Path
) -> None:
    state, team = machine
    outbox = outbox_of(state.path, os.geteuid())
    outbox.put(a_key(1), content_of(handed(a_receipt(GOOD, key=a_key(1)))), at_ns=1)
    outbox.put(a_key(2), b"torn", at_ns=2)
    team.run_refusal = (403, b'{"error": "not now"}')
    with running(state, place, tmp_path / "log"):
        wait_for(lambda: "receipts_not_sent" in (tmp_path / "log").read_text())
        assert [each.key for each in outbox.waiting()][:1] == [a_key(1)]
        team.run_refusal = (400, b'{"error": "malformed"}')
        wait_for(lambda: not outbox.waiting())
    assert "receipt_refused" in (tmp_path / "log").read_text()
    assert team.runs == []
    assert len(team.checkins) >= 2, "a round goes well all the same"
