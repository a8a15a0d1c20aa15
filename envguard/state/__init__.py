"""What envguard keeps on a machine, and how it speaks to the system that runs it."""

from envguard.state.directory import State, open_state, state_directory
from envguard.state.files import open_lock, read_file, write_file
from envguard.state.kept import (
    Identity,
    KeptCheck,
    KeptHang,
    KeptPolicy,
    LastStatus,
    Sequence,
)
from envguard.state.login import Login, forget_login, keep_login, login_file, read_login
from envguard.state.notify import notify, watchdog_interval_s
from envguard.state.policies import add_policies, pulled_folder, read_policies, replace_policies
from envguard.state.uses import read_uses, uses_file, write_use

__all__ = [
    "Identity",
    "KeptCheck",
    "KeptHang",
    "KeptPolicy",
    "LastStatus",
    "Login",
    "Sequence",
    "State",
    "add_policies",
    "forget_login",
    "keep_login",
    "login_file",
    "notify",
    "open_lock",
    "open_state",
    "pulled_folder",
    "read_file",
    "read_login",
    "read_policies",
    "read_uses",
    "replace_policies",
    "state_directory",
    "uses_file",
    "watchdog_interval_s",
    "write_file",
    "write_use",
]
