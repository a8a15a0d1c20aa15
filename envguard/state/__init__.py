"""What envguard keeps on a machine, and how it speaks to the system that runs it."""

from envguard.state.directory import State, open_state, state_directory
from envguard.state.files import read_file, write_file
from envguard.state.kept import (
    Identity,
    KeptCheck,
    KeptHang,
    KeptPolicy,
    LastStatus,
    Sequence,
)
from envguard.state.notify import notify, watchdog_interval_s
from envguard.state.uses import read_uses, write_use

__all__ = [
    "Identity",
    "KeptCheck",
    "KeptHang",
    "KeptPolicy",
    "LastStatus",
    "Sequence",
    "State",
    "notify",
    "open_state",
    "read_file",
    "read_uses",
    "state_directory",
    "watchdog_interval_s",
    "write_file",
    "write_use",
]
