"""The agent's socket, where there is no fresh file: answered, hung, closed, nonsense, somebody else's."""

from __future__ import annotations

import os
import time

import pytest

from tests.guard.agent_lines import DRIFT, agent, lines, whole
from tests.guard.places import Place
from tests.guard.test_agents_file import ASK, COMPLIANT, last


def answer_of(place: Place, outcome: str = "compliant", **others: str) -> bytes:
    findings = [DRIFT] if outcome == "drifted" else []
    return whole(lines(place, outcome, findings=findings, notes=[], **others))


def test_every_python_asks_and_takes_the_answer(any_place: Place) -> None:
    with agent(any_place, answer_of(any_place)) as asked:
        assert last(any_place) == COMPLIANT
        assert last(any_place, '"rl-team"') == COMPLIANT
    prefix = os.path.realpath(any_place.env)
    assert asked == [f"judge 1\t{prefix}\t\n".encode(), f"judge 1\t{prefix}\trl-team\n".encode()]


def test_drift_is_told_in_the_agents_words(place: Place) -> None:
    with agent(place, answer_of(place, "drifted")):
        assert last(place) == "drifted rl-team 8 None"


def test_every_python_waits_no_longer_than_it_may_for_an_agent_that_hangs(any_place: Place) -> None:
    with agent(any_place, None):
        began = time.monotonic()
        told = last(any_place)
        took_s = time.monotonic() - began
    assert told.startswith("unknown None None the agent has no fresh verdict; the agent does not answer: ")
    assert took_s < 10


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(b"", "the agent's answer is not understood", id="closed"),
        pytest.param(b"\x00\xff" * 4000, "the agent's answer is not understood", id="nonsense"),
        pytest.param(b"envguard-verdict 2\nend\t1\n", "the agent's answer is not understood", id="newer"),
        pytest.param(b"refused\tnot yours\n", "the agent refuses: not yours", id="refused"),
    ],
)
def test_what_is_no_verdict_is_unknown_and_said(place: Place, answer: bytes, words: str) -> None:
    with agent(place, answer):
        assert words in last(place)


def test_an_answer_that_is_cut_off_is_not_taken(place: Place) -> None:
    with agent(place, answer_of(place)[:-9]):
        assert last(place).startswith("unknown")


@pytest.mark.parametrize(
    "others",
    [
        pytest.param({"environment": "/home/ann/other"}, id="of another environment"),
        pytest.param({"boot": "another"}, id="of another boot"),
        pytest.param({"times": "1\t2"}, id="over its end"),
        pytest.param({"policy": "vision\t8\tsha256:p\tmarker\trefuse"}, id="by another policy"),
    ],
)
def test_an_answer_to_another_question_is_not_taken(place: Place, others: dict[str, str]) -> None:
    with agent(place, answer_of(place, **others)):
        assert last(place, '"rl-team"').startswith("unknown")


def test_a_socket_in_a_folder_that_others_may_change_is_not_asked(place: Place) -> None:
    with agent(place, answer_of(place), mode=0o777) as asked:
        assert last(place).startswith("unknown")
    assert asked == []


def test_a_file_in_the_sockets_place_is_not_asked(place: Place) -> None:
    folder = place.runtime / "envguard"
    folder.mkdir()
    (folder / "agent.sock").write_text("")
    assert last(place).startswith("unknown")


def test_an_agent_that_died_is_the_next_ways_turn(place: Place) -> None:
    with agent(place, answer_of(place)):
        pass
    assert "the agent does not answer: " in last(place)


def test_a_runtime_folder_with_a_long_path_stops_nothing(place: Place) -> None:
    long = place.runtime / ("x" * 120)
    long.mkdir()
    place.runtime = long
    with pytest.raises(OSError, match="AF_UNIX path too long"), agent(place, b""):
        pass
    assert place.run(ASK.format(""), XDG_RUNTIME_DIR=str(long)).err == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another's socket")
@pytest.mark.parametrize("whose", ["agent.sock", ""], ids=["the socket", "its folder"])
def test_another_users_socket_is_not_asked(place: Place, whose: str) -> None:
    with agent(place, answer_of(place)) as asked:
        os.chown(place.runtime / "envguard" / whose, 4242, 4242)
        assert last(place).startswith("unknown")
    assert asked == []


def test_a_link_to_a_socket_is_not_asked(place: Place) -> None:
    with agent(place, answer_of(place)) as asked:
        socket = place.runtime / "envguard" / "agent.sock"
        socket.symlink_to(socket.rename(socket.with_name("elsewhere")))
        assert last(place).startswith("unknown")
    assert asked == []
