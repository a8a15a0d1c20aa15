"""Ranks that meet at a real server: of a person, of a joined machine, and where the server fails them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.builders.environments import install
from tests.e2e.test_team import Server, a_server, call, own
from tests.guard.jobs import COMPLIANT, DRIFTED, HOST, UNKNOWN, launch, mpich, outcome, start, torchrun
from tests.guard.places import Place, make_place

PATH = f"{Path(sys.executable).parent}:/usr/bin:/bin"
THREE = ("3.11", "2.7", "3.13")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with a_server(tmp_path / "server") as started:
        yield started


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Place, Place]:
    """Two environments, and two projects: no folder that both see."""
    return make_place("3.11", tmp_path / "a"), make_place("3.11", tmp_path / "b")


def joined(server: Server, folder: Path) -> Mapping[str, str]:
    state = folder / "state"
    call("join", "-", "--name", "ws-7", given=server.join, environ=own(state))
    return {"PATH": PATH, **own(state)}


def test_every_rank_hears_of_the_odd_one_by_the_server(server: Server, pair: tuple[Place, Place]) -> None:
    given = {"PATH": PATH, **server.admin}
    told = launch(pair, torchrun, **given)
    assert [outcome(each) for each in told] == [COMPLIANT] * 2, told
    install(pair[1].env, numpy="2.1.0")
    for each in launch(pair, torchrun, **given):
        assert outcome(each) == DRIFTED
        assert f"rank 1 ({HOST}): numpy 2.1.0, rank 0 has none; digest " in each.out
    assert not any((place.project / ".envguard").exists() for place in pair)


def test_a_machine_and_a_person_meet(server: Server, pair: tuple[Place, Place], tmp_path: Path) -> None:
    machine = start(pair[0], 0, 2, torchrun, **joined(server, tmp_path))
    person = start(pair[1], 1, 2, torchrun, PATH=PATH, **server.admin)
    assert [outcome(each.end()) for each in (machine, person)] == [COMPLIANT] * 2
    assert not any((place.project / ".envguard").exists() for place in pair)


def test_who_does_not_come_is_named_with_the_place(server: Server, pair: tuple[Place, Place]) -> None:
    given = {"PATH": PATH, "ENVGUARD_RANKS_TIMEOUT": "3", **server.admin}
    started = [start(pair[0], rank, 3, torchrun, **given) for rank in (0, 2)]
    for each in started:
        told = each.end()
        assert outcome(told) == UNKNOWN
        assert f"rank 1 was not heard of in 3 s at {server.url}; " in told.out


def test_ranks_of_which_one_has_no_server_are_never_called_compliant(
    server: Server, pair: tuple[Place, Place]
) -> None:
    with_one = start(pair[0], 0, 2, torchrun, PATH=PATH, ENVGUARD_RANKS_TIMEOUT="3", **server.admin)
    without = start(pair[0], 1, 2, ENVGUARD_RANKS_TIMEOUT="3")
    told = with_one.end(), without.end()
    assert [outcome(each) for each in told] == [UNKNOWN] * 2
    assert "name a folder that all ranks see: ENVGUARD_RANKS=DIR" in told[0].out
    assert "rank 0 was not heard of in 3 s in `" in told[1].out


def test_a_server_that_cannot_be_asked_is_no_place(pair: tuple[Place, Place]) -> None:
    away = {"PATH": PATH, "ENVGUARD_SERVER": "http://127.0.0.1:1", "ENVGUARD_TOKEN": "t"}
    assert [outcome(each) for each in launch((pair[0], pair[0]), torchrun, **away)] == [COMPLIANT] * 2
    assert (pair[0].project / ".envguard" / "ranks").exists()
    told = start(pair[0], 0, 2, torchrun, ENVGUARD_RANKS_TIMEOUT="1", **away).end()
    assert "; the server was not asked: http://127.0.0.1:1/" in told.out
    assert "the server cannot be reached" in told.out


def test_a_token_that_is_wrong_is_said(server: Server, pair: tuple[Place, Place]) -> None:
    given = {"PATH": PATH, **server.admin, "ENVGUARD_TOKEN": "wrong"}
    told = start(pair[0], 0, 2, torchrun, ENVGUARD_RANKS_TIMEOUT="1", **given).end()
    assert outcome(told) == UNKNOWN
    assert "the server does not know this token" in told.out


def test_a_server_that_is_gone_in_the_middle_leaves_it_undecided(
    server: Server, pair: tuple[Place, Place]
) -> None:
    waiting = start(pair[0], 0, 2, torchrun, PATH=PATH, **server.admin)
    time.sleep(2)
    server.process.kill()
    told = waiting.end()
    assert outcome(told) == UNKNOWN
    assert "the server does not answer any more" in told.out


def test_a_job_is_named_by_a_person(server: Server, pair: tuple[Place, Place]) -> None:
    given = {"PATH": PATH, **server.admin, "ENVGUARD_JOB": "sweep-17"}
    assert [outcome(each) for each in launch(pair, mpich, **given)] == [COMPLIANT] * 2
    assert not any((place.project / ".envguard").exists() for place in pair)


def test_pythons_of_several_versions_meet_at_the_server(server: Server, tmp_path: Path) -> None:
    places = [make_place(minor, tmp_path / minor) for minor in THREE]
    for each in launch(places, torchrun, PATH=PATH, **server.admin):
        assert outcome(each) == DRIFTED
        assert f"'CPython 3.11.7', 'CPython 2.7.18', 'rank 1 ({HOST})'" in each.out
        assert f"'CPython 3.11.7', 'CPython 3.13.0', 'rank 2 ({HOST})'" in each.out


@pytest.mark.parametrize(
    "given", ["", "x", "envguard-ranks 1\nend\t1\n", "envguard-ranks 1\nrank\tx\nend\t2\n"]
)
def test_the_command_tells_wrong_usage(given: str, tmp_path: Path) -> None:
    call("ranks", given=given, environ=own(tmp_path / "state"), code=2)
    assert not (tmp_path / "state").exists()
