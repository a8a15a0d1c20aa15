"""Which rank of which job a process is, by what each launcher sets."""

from __future__ import annotations

import pytest

from tests.builders.environments import install
from tests.guard.jobs import (
    CALL,
    COMPLIANT,
    DRIFTED,
    HOST,
    SCRIPT,
    UNKNOWN,
    Variables,
    intel_mpi,
    launch,
    meetings,
    mpich,
    open_mpi,
    outcome,
    srun,
    start,
    torchrun,
)
from tests.guard.places import Place


@pytest.mark.parametrize("variables", [torchrun, open_mpi, intel_mpi, srun], ids=lambda each: each.__name__)
def test_every_launcher_tells_who_is_who(pair: tuple[Place, Place], variables: Variables) -> None:
    install(pair[0].env, numpy="2.1.0")
    for told in launch(pair, variables):
        assert outcome(told) == DRIFTED
        assert f"rank 1 ({HOST}): numpy absent, rank 0 has 2.1.0; digest " in told.out


def test_mpich_tells_the_job_to_its_proxies_alone(place: Place) -> None:
    started = [start(place, rank, 2, mpich, control_port="node-a:33759") for rank in (0, 1)]
    assert [outcome(each.end()) for each in started] == [COMPLIANT] * 2
    ports = ("node-a:33759", "node-a:40001")
    started = [
        start(place, rank, 2, mpich, control_port=ports[rank], ENVGUARD_RANKS_TIMEOUT="0.7")
        for rank in (0, 1)
    ]
    assert [outcome(each.end()) for each in started] == [UNKNOWN] * 2


def test_mpich_under_srun_is_the_job_of_srun(place: Place) -> None:
    told = launch([place, place], lambda rank, size: {**mpich(rank, size), **srun(rank, size)})
    assert [outcome(each) for each in told] == [COMPLIANT] * 2
    assert len(meetings(place)) == 1


def bare(rank: int, size: int) -> dict[str, str]:
    return {"RANK": str(rank), "WORLD_SIZE": str(size)}


@pytest.mark.parametrize("variables", [mpich, bare], ids=lambda each: each.__name__)
def test_a_job_without_a_name_does_not_meet(place: Place, variables: Variables) -> None:
    for told in launch([place, place], variables):
        assert outcome(told) == UNKNOWN
        assert "gives the job no name; ENVGUARD_JOB=NAME does, a new one for each job" in told.out
    assert not (place.project / ".envguard").exists()
    found = launch([place, place], variables, ENVGUARD_JOB="sweep-17")
    assert [outcome(each) for each in found] == [COMPLIANT] * 2


def test_jobs_of_other_names_do_not_meet(place: Place) -> None:
    first = start(place, 0, 2, ENVGUARD_JOB="a", ENVGUARD_RANKS_TIMEOUT="0.7")
    second = start(place, 1, 2, ENVGUARD_JOB="b", ENVGUARD_RANKS_TIMEOUT="0.7")
    assert [outcome(first.end()), outcome(second.end())] == [UNKNOWN] * 2


def test_two_machines_that_each_call_themselves_localhost_have_two_jobs(place: Place) -> None:
    elsewhere = "import os; os.uname = lambda: ('Linux', 'node-b', '', '', 'x86_64')\n" + SCRIPT.format(
        call=CALL
    )
    here = SCRIPT.format(call=CALL)
    started = [
        start(place, rank, 2, text=text, MASTER_ADDR="127.0.0.1", ENVGUARD_RANKS_TIMEOUT="0.7")
        for rank, text in enumerate((here, elsewhere))
    ]
    assert [outcome(each.end()) for each in started] == [UNKNOWN] * 2
    assert len(meetings(place)) == 2


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        pytest.param({}, None, id="no job"),
        pytest.param({"RANK": "0", "WORLD_SIZE": "1"}, None, id="a job of one"),
        pytest.param(
            {"SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "7"}, None, id="a batch script"
        ),
        pytest.param({"WORLD_SIZE": "2"}, "WORLD_SIZE is set, and RANK is not", id="no rank"),
        pytest.param({"RANK": "1"}, "RANK is set, and WORLD_SIZE is not", id="no number of ranks"),
        pytest.param({"RANK": "2", "WORLD_SIZE": "2"}, "RANK is 2, and WORLD_SIZE is 2", id="too high"),
        pytest.param({"RANK": "x", "WORLD_SIZE": "2"}, "RANK is no number of a rank: `x`", id="no number"),
        pytest.param({"RANK": "-1", "WORLD_SIZE": "2"}, "RANK is no number of a rank: `-1`", id="negative"),
    ],
)
def test_without_a_job_there_is_nothing_to_do_and_half_of_one_is_unknown(
    place: Place, environ: dict[str, str], words: str | None
) -> None:
    told = start(place, 0, 1, lambda _rank, _size: environ).end()
    assert outcome(told) == (UNKNOWN if words else COMPLIANT)
    assert (words or "trained") in told.out
    assert not (place.project / ".envguard").exists()


def test_a_launcher_of_one_rank_does_not_hide_another_of_two(pair: tuple[Place, Place]) -> None:
    install(pair[0].env, numpy="2.1.0")
    inherited = {"RANK": "0", "WORLD_SIZE": "1"}
    told = launch(pair, lambda rank, size: {**open_mpi(rank, size), **inherited})
    assert [outcome(each) for each in told] == [DRIFTED] * 2


def test_half_of_one_launcher_does_not_hide_another(pair: tuple[Place, Place]) -> None:
    exported = {"WORLD_SIZE": "2", "MASTER_ADDR": "node-a"}
    told = launch(pair, lambda rank, size: {**srun(rank, size), **exported})
    assert [outcome(each) for each in told] == [COMPLIANT] * 2
