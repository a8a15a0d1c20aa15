"""What the guard tells the agent of scripts that were stopped, or let run in spite of their verdict."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from envguard.domain.receipt import Handed
from tests.builders.environments import install
from tests.guard.agent_lines import agent
from tests.guard.places import Place

DRIFTS = "import envguard_guard\nenvguard_guard.require(gym='==0.26.2'{})\nprint('ran')\n"


def told_in(asked: list[bytes]) -> list[dict[str, Any]]:
    """The messages of a receipt among what an agent was asked."""
    found = []
    for each in asked:
        head, _, content = each.partition(b"\n")
        if head.startswith(b"receipt 1\t"):
            assert int(head.partition(b"\t")[2]) == len(content)
            msgspec.json.decode(content, type=Handed)
            found.append(json.loads(content))
    return found


def test_every_python_tells_of_a_script_that_it_stopped(any_place: Place) -> None:
    install(any_place.env, gym="0.25.2")
    with agent(any_place, b"taken\n") as asked:
        told = any_place.run(DRIFTS.format(""))
    assert (told.code, told.out) == (1, "")
    [message] = told_in(asked)
    assert (message["kind"], message["receipt"]["allow_drift"]) == ("refused", None)
    assert message["receipt"]["command"][-1].endswith("train.py")
    assert message["required"]["verdict"] == "drifted"
    assert [each["package"] for each in message["required"]["findings"]] == ["gym"]


def test_old_and_new_pythons_tell_the_reason_of_one_that_runs_all_the_same(some_place: Place) -> None:
    install(some_place.env, gym="0.25.2")
    with agent(some_place, b"taken\n") as asked:
        told = some_place.run(DRIFTS.format(""), ENVGUARD_ALLOW_DRIFT="caf\u00e9")
    assert (told.code, told.out) == (0, "ran\n")
    [message] = told_in(asked)
    assert (message["kind"], message["receipt"]["allow_drift"]) == ("required", "caf\u00e9")


def test_what_no_encoding_has_is_told_as_a_sign_for_it(place: Place) -> None:
    install(place.env, gym="0.25.2")
    with agent(place, b"taken\n") as asked:
        place.run(DRIFTS.format(""), ENVGUARD_ALLOW_DRIFT="a \udcff")
    assert told_in(asked)[0]["receipt"]["allow_drift"] == "a \ufffd"


@pytest.mark.parametrize(
    ("call", "environ"),
    [
        ("", {"ENVGUARD_RUN": "told", "ENVGUARD_ALLOW_DRIFT": "x"}),
        (", on_drift='warn'", {}),
        ("", {"RANK": "1", "WORLD_SIZE": "2", "ENVGUARD_JOB": "j", "ENVGUARD_ALLOW_DRIFT": "x"}),
    ],
    ids=["below envguard run", "the script only wants a warning", "another rank than the first"],
)
def test_what_is_told_elsewhere_or_was_not_stopped_is_not_told(
    call: str, environ: dict[str, str], place: Place
) -> None:
    install(place.env, gym="0.25.2")
    with agent(place, b"taken\n") as asked:
        assert place.run(DRIFTS.format(call), **environ).out == "ran\n"
    assert told_in(asked) == []


def test_a_compliant_script_tells_nothing(place: Place) -> None:
    install(place.env, gym="0.26.2")
    with agent(place, b"taken\n") as asked:
        assert place.run(DRIFTS.format("")).out == "ran\n"
    assert asked == []


def test_its_children_do_not_tell_again(place: Place) -> None:
    install(place.env, gym="0.25.2")
    call = "subprocess.check_call([sys.executable, __file__, 'x'])"
    child = f"import subprocess, sys\nif len(sys.argv) < 2: {call}\n"
    with agent(place, b"taken\n") as asked:
        assert place.run(DRIFTS.format("") + child, ENVGUARD_ALLOW_DRIFT="x").out == "ran\nran\n"
    assert len(told_in(asked)) == 1


@pytest.mark.parametrize("answer", [None, b"", b"nonsense"], ids=["hangs", "hangs up", "says nonsense"])
def test_an_agent_that_is_no_use_stops_nothing(answer: bytes | None, place: Place) -> None:
    install(place.env, gym="0.25.2")
    with agent(place, answer):
        told = place.run(DRIFTS.format(""), ENVGUARD_ALLOW_DRIFT="x")
    assert (told.code, told.out) == (0, "ran\n")


def test_nobody_elses_socket_is_told(place: Place) -> None:
    install(place.env, gym="0.25.2")
    with agent(place, b"taken\n", mode=0o777) as asked:
        place.run(DRIFTS.format(""))
    assert asked == []
