"""Which rank of which job this process is, by the variables that launchers set.

Rules
1. The innermost launcher counts: torchrun before MPI before Slurm. One that names a rank and no number of
   ranks, or the reverse, is passed over for one that names both; where there is no such one, it is unknown.
2. A launcher of one rank does not hide another one of more.
3. A Slurm batch script has ``SLURM_PROCID=0`` beside the number of all tasks, and is no rank: only what
   ``srun`` started has ``SLURM_STEP_ID``.
4. torchrun's ``TORCHELASTIC_RESTART_COUNT`` names no job: each of its agents counts for itself.
"""

import os

from envguard.guard.files import DIGITS, IS_OLD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterator, List, Mapping, Optional, Sequence, Tuple  # noqa: F401 - pyflakes reads no type comments

_LAUNCHERS = (
    ("", "RANK", ("WORLD_SIZE",), ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT")),
    (
        "",
        "OMPI_COMM_WORLD_RANK",
        ("OMPI_COMM_WORLD_SIZE",),
        ("PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"),
    ),
    ("", "PMI_RANK", ("PMI_SIZE",), ("SLURM_JOB_ID",)),
    (
        "SLURM_STEP_ID",
        "SLURM_PROCID",
        ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"),
        ("SLURM_CLUSTER_NAME", "SLURM_JOB_ID", "SLURM_STEP_ID"),
    ),
)
"""For each: what must be set, the rank, the number of ranks, and what names the job; the innermost first."""
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

        text = "\0".join(self.names)
        content = text if IS_OLD else text.encode("utf-8", "surrogateescape")  # type: Any
        return sha256(content).hexdigest()[:32]


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
    larger = [each for each in seats if each.size > 1]
    if seats:
        return (larger or seats)[0], ""
    return None, "; ".join(reasons)


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
    if found:
        yield rank
    for each in found:
        yield each
    if environ.get("MASTER_ADDR", "").startswith(_LOOPBACK) and "MASTER_ADDR" in names:
        yield "on %s" % os.uname()[1]  # the default is the same on all machines
