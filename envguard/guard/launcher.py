"""Which rank of which job this process is, by the variables that launchers set.

Rules
1. The innermost launcher counts: torchrun before MPI before Slurm. One that names a rank and no number of
   ranks, or the reverse, is passed over for one that names both; where there is no such one, it is unknown.
2. A launcher of one rank does not hide another one of more.
3. A Slurm batch script has ``SLURM_PROCID=0`` beside the number of all tasks, and is no rank: only what
   ``srun`` started has ``SLURM_STEP_ID``.
4. What names a job lets two that run at once be told apart. MPICH says it to its proxies alone, from which
   ranks come: it is read of their command lines. A job without a name does not meet.
5. torchrun's ``TORCHELASTIC_RESTART_COUNT`` names no job: each of its agents counts for itself.
"""

import os

from envguard.guard.files import DIGITS, HEAD_CAP, bytes_of, read_file, text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator, List, Mapping, Optional, Sequence, Tuple

_LAUNCHERS = (
    ("", "RANK", ("WORLD_SIZE",), ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT")),
    (
        "",
        "OMPI_COMM_WORLD_RANK",
        ("OMPI_COMM_WORLD_SIZE",),
        ("PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"),
    ),
    ("", "PMI_RANK", ("PMI_SIZE",), ("I_MPI_HYDRA_UUID",)),
    (
        "SLURM_STEP_ID",
        "SLURM_PROCID",
        ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"),
        ("SLURM_CLUSTER_NAME", "SLURM_JOB_ID", "SLURM_STEP_ID"),
    ),
)
"""For each: what must be set, the rank, the number of ranks, and what names the job; the innermost first."""
_ANCESTORS = 16
_LOOPBACK = ("localhost", "127.", "::1", "[::1]")


class Seat(object):
    """A rank, the number of ranks, and what names the job."""

    def __init__(self, rank, size, names):
        # type: (int, int, Sequence[str]) -> None
        self.rank = rank
        self.size = size
        self.names = names

    def key(self):
        # type: () -> str
        """The job's name for others: the same on each of its ranks."""
        from hashlib import sha256

        return sha256(bytes_of("\0".join(self.names))).hexdigest()[:32]


def seat_of(environ):
    # type: (Mapping[str, str]) -> Tuple[Optional[Seat], str]
    """Which rank this is; None where it is none, and where it cannot be told: then with the reason."""
    seats = []  # type: List[Seat]
    reasons = []  # type: List[str]
    for needed, rank, sizes, names in _LAUNCHERS:
        size = next((each for each in sizes if environ.get(each)), sizes[-1])
        told = [name for name in (rank, size) if environ.get(name)]
        if not told or (needed and not environ.get(needed)):
            continue
        if len(told) == 1:
            reasons.append("%s is set, and %s is not" % (told[0], size if told[0] == rank else rank))
            continue
        wrong = _what_is_wrong(environ, rank, size)
        if wrong:
            reasons.append(wrong)
        else:
            seats.append(Seat(int(environ[rank]), int(environ[size]), list(_names(environ, rank, names))))
    seats = [each for each in seats if each.size > 1] or seats
    if not seats:
        return None, "; ".join(reasons)
    same = [each for each in seats if (each.rank, each.size) == (seats[0].rank, seats[0].size)]
    named = [each for each in same if each.names]
    if seats[0].size > 1 and not named:
        return None, "its launcher gives the job no name; ENVGUARD_JOB=NAME does, a new one for each job"
    return (named or seats)[0], ""


def _what_is_wrong(environ, rank, size):
    # type: (Mapping[str, str], str, str) -> str
    for name in (rank, size):
        if environ[name].strip(DIGITS) or len(environ[name]) > 6:
            return "%s is no number of a rank: `%s`" % (name, environ[name][:40])
    if int(environ[rank]) >= int(environ[size]):
        return "%s is %s, and %s is %s" % (rank, environ[rank], size, environ[size])
    return ""


def _names(environ, rank, names):
    # type: (Mapping[str, str], str, Sequence[str]) -> Iterator[str]
    """What names the job: what a person says, else what the launcher does, if it does."""
    if environ.get("ENVGUARD_JOB"):
        yield environ["ENVGUARD_JOB"]
        return
    found = ["%s=%s" % (name, environ[name]) for name in names if environ.get(name)]
    if rank == "PMI_RANK" and not found:
        found = _said_to_proxies()
    if found:
        yield rank
    for each in found:
        yield each
    if environ.get("MASTER_ADDR", "").startswith(_LOOPBACK) and "MASTER_ADDR" in names:
        yield "on %s" % os.uname()[1]  # the default is the same on all machines


def _said_to_proxies():
    # type: () -> List[str]
    """Where MPICH's ``mpiexec`` listens, which is the same for all of a job, and for one job at a time."""
    process = os.getppid()
    for _ in range(_ANCESTORS):
        words = text_of(read_file("/proc/%d/cmdline" % process, HEAD_CAP) or b"").split("\0")
        if "--control-port" in words[:-1]:
            return [words[words.index("--control-port") + 1]]
        status = text_of(read_file("/proc/%d/stat" % process, HEAD_CAP) or b"").rpartition(")")[2].split()
        process = int(status[1]) if len(status) > 1 else 0
    return []
