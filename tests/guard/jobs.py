"""A launcher: starts real processes as the ranks of one job, with the variables that launchers set."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.guard.places import Place, Told

HOST = os.uname().nodename
COMPLIANT, DRIFTED, UNKNOWN = "['compliant']", "['drifted']", "['unknown']"

Variables = Callable[[int, int], Mapping[str, str]]
"""What a launcher sets for a rank, of so many."""

SCRIPT = """
import envguard_guard
try:
    verdict = envguard_guard.require({call})
    print("trained")
except envguard_guard.EnvironmentDrift as error:
    verdict = error.verdict
    print(str(error))
for each in verdict.findings:
    print([each.kind, each.severity, each.package, each.expected, each.actual, each.reason])
print([verdict.verdict])
"""
CALL = 'python=">=2", same_on_all_ranks=True'


class Rank(NamedTuple):
    """A process that runs."""

    process: subprocess.Popen[str]

    def end(self) -> Told:
        out, err = self.process.communicate(timeout=60)
        return Told(self.process.returncode, out, err)


def torchrun(rank: int, size: int) -> Mapping[str, str]:
    return {
        "RANK": str(rank),
        "WORLD_SIZE": str(size),
        "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "node-a",
        "MASTER_PORT": "29500",
        "TORCHELASTIC_RUN_ID": "none",
        "TORCHELASTIC_RESTART_COUNT": str(rank),  # each of its agents counts for itself
    }


def open_mpi(rank: int, size: int) -> Mapping[str, str]:
    return {
        "OMPI_COMM_WORLD_RANK": str(rank),
        "OMPI_COMM_WORLD_SIZE": str(size),
        "PMIX_NAMESPACE": "prterun-node-a-2182@1",
        "PMIX_RANK": str(rank),
    }


def mpich(rank: int, size: int) -> Mapping[str, str]:
    return {"PMI_RANK": str(rank), "PMI_SIZE": str(size), "PMI_FD": "9"}


def intel_mpi(rank: int, size: int) -> Mapping[str, str]:
    return {**mpich(rank, size), "I_MPI_HYDRA_UUID": "e8480000-dddd-b1d5-1961-06001ac9f775"}


def srun(rank: int, size: int) -> Mapping[str, str]:
    return {
        "SLURM_PROCID": str(rank),
        "SLURM_NTASKS": str(size),
        "SLURM_STEP_NUM_TASKS": str(size),
        "SLURM_JOB_ID": "200505",
        "SLURM_STEP_ID": "0",
    }


def start(
    place: Place,
    rank: int,
    size: int,
    variables: Variables = torchrun,
    *,
    call: str = CALL,
    text: str | None = None,
    control_port: str | None = None,
    **environ: str,
) -> Rank:
    """Start one rank in its place's project; ``call`` is what it requires, ``text`` another script.

    ``control_port`` is what the process that starts it was told, as a proxy of MPICH is.
    """
    script = place.project / f"train-{rank}.py"
    script.write_text(text or SCRIPT.format(call=call))
    given = {
        "PATH": os.defpath,
        "HOME": str(place.home),
        "XDG_RUNTIME_DIR": str(place.runtime),
        "PYTHONDONTWRITEBYTECODE": "1",
        "ENVGUARD_RANKS_TIMEOUT": "20",
        **variables(rank, size),
        **environ,
    }
    command = [str(place.python), str(script)]
    if control_port:
        command = ["sh", "-c", '"$3" "$4"; exit $?', "proxy", "--control-port", control_port, *command]
    process = subprocess.Popen(
        command,
        cwd=place.project,
        env=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    return Rank(process)


def launch(
    places: Sequence[Place], variables: Variables = torchrun, *, call: str = CALL, **environ: str
) -> list[Told]:
    """Start a rank in each place, and answer what each printed."""
    size = len(places)
    started = [start(place, rank, size, variables, call=call, **environ) for rank, place in enumerate(places)]
    return [each.end() for each in started]


def outcome(told: Told) -> str:
    """The last line, which is the verdict."""
    assert told.code == 0, told.err
    return told.out.splitlines()[-1]


def meetings(place: Place) -> list[Path]:
    """The folders of its project's jobs."""
    return sorted((place.project / ".envguard" / "ranks").iterdir())
