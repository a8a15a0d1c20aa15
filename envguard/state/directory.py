"""The state directory: its place, and one method per thing that is kept in it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from envguard.domain.binding import BoundScan
from envguard.domain.verdict import Match
from envguard.errors import StateError
from envguard.state.files import (
    open_lock,
    read_document,
    read_file,
    remove_file,
    replace_file,
    write_document,
    write_file,
)
from envguard.state.kept import Identity, KeptCheck, KeptHang, KeptPolicy, LastStatus, Sequence
from envguard.state.places import usual_state_folder
from envguard.state.policies import read_policies, replace_policies
from envguard.state.uses import read_uses, write_use

_LOCK = "agent.lock"
_TRIES = 5
_TRY_AGAIN_S = 0.02


def state_directory(environ: Mapping[str, str]) -> Path:
    """Answer where this user's state is: ``ENVGUARD_STATE``, else the system's usual place."""
    told = environ.get("ENVGUARD_STATE")
    if told:
        return Path(told).expanduser().absolute()
    return usual_state_folder()


def open_state(path: Path) -> State:
    """Answer the state in this folder, made if need be (0700); StateError when it cannot be used."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        (path / "policies").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"the state directory cannot be made: {error.strerror or error}",
            where=str(path),
            hint="name a folder that you may write to: export ENVGUARD_STATE=FOLDER",
        ) from error
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise StateError(
            "the state directory cannot be written to",
            where=str(path),
            hint="run it as its owner, or name another folder: export ENVGUARD_STATE=FOLDER",
        )
    return State(path)


class State:
    """What is kept in one state directory. Open it with :func:`open_state`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def identity(self) -> Identity | None:
        """Answer who this machine is; None before it joined."""
        return read_document(self.path / "identity.json", Identity)

    def secret(self) -> str | None:
        """Answer the machine's secret; None before it joined."""
        content = read_file(self.path / "secret")
        return None if content is None else content.decode("ascii", "replace").strip() or None

    def next_secret(self) -> str | None:
        """Answer the secret that the server offered and this machine has not used yet; None without one."""
        content = read_file(self.path / "secret.next")
        return None if content is None else content.decode("ascii", "replace").strip() or None

    def keep_next_secret(self, secret: str) -> None:
        """Keep an offered secret beside the one in force."""
        write_file(self.path / "secret.next", secret.encode() + b"\n")

    def take_next_secret(self) -> None:
        """Put the offered secret in the place of the one before, which lets nobody in any more."""
        replace_file(self.path / "secret.next", self.path / "secret")

    def drop_next_secret(self) -> None:
        """Forget an offered secret."""
        remove_file(self.path / "secret.next")

    @property
    def authority_file(self) -> Path:
        """The certificate that signs the server's; without one in the identity it means nothing."""
        return self.path / "ca.pem"

    def authority(self) -> str | None:
        """Answer that certificate as PEM; None where there is no such file."""
        content = read_file(self.authority_file)
        return None if content is None else content.decode("ascii", "replace")

    def join(self, identity: Identity, secret: str, authority: str | None = None) -> None:
        """Keep who this machine is; the identity comes last, so without it nothing was joined."""
        self.drop_next_secret()
        write_file(self.path / "secret", secret.encode() + b"\n")
        if authority is None:
            remove_file(self.authority_file)
        else:
            # Public: for other users' commands.
            write_file(self.authority_file, authority.encode(), mode=0o644)
        write_document(self.path / "identity.json", identity)

    def next_sequence(self, new_epoch: Callable[[], str]) -> Sequence:
        """Answer the next number of a check-in, kept before it is used: none is ever used twice."""
        path = self.path / "sequence.json"
        try:
            last = read_document(path, Sequence)
        except StateError:
            last = None
        following = Sequence(new_epoch(), 1) if last is None else Sequence(last.epoch, last.seq + 1)
        write_document(path, following)
        return following

    def forget_sequence(self) -> None:
        """Let the next check-in begin a new epoch: the state may be a copy of another machine's."""
        remove_file(self.path / "sequence.json")

    def policies(self) -> dict[str, KeptPolicy]:
        """Answer the policies that are kept, by name; StateError names a broken one."""
        return read_policies(self.path / "policies")

    def keep_policies(self, policies: Mapping[str, KeptPolicy]) -> None:
        """Keep exactly these policies."""
        replace_policies(self.path / "policies", policies)

    def uses(self) -> dict[str, str]:
        """Answer what this user bound with ``envguard use``: environment path to policy."""
        return read_uses(self.path)

    def use(self, environment: str, policy: str | None) -> None:
        """Bind an environment to a policy; None takes the binding back."""
        write_use(self.path, environment, policy)

    def last_status(self) -> LastStatus:
        """Answer how the last round went."""
        return read_document(self.path / "status.json", LastStatus) or LastStatus()

    def keep_status(self, status: LastStatus) -> None:
        """Keep how a round went."""
        write_document(self.path / "status.json", status)

    def last_scan(self) -> BoundScan | None:
        """Answer what the last scan found; None before the first."""
        return read_document(self.path / "scan.json", BoundScan)

    def keep_scan(self, scan: BoundScan) -> None:
        """Keep what a scan found."""
        write_document(self.path / "scan.json", scan)

    def checks(self) -> dict[str, KeptCheck]:
        """Answer what was found of environments' installed files, by path; StateError where it is broken."""
        return read_document(self.path / "integrity.json", dict[str, KeptCheck]) or {}

    def keep_checks(self, checks: Mapping[str, KeptCheck]) -> None:
        """Keep exactly these."""
        write_document(self.path / "integrity.json", checks)

    def matches(self) -> dict[str, Match]:
        """Answer what environments last matched, by path; nothing where that was never kept, or is broken."""
        try:
            return read_document(self.path / "matches.json", dict[str, Match]) or {}
        except StateError:
            return {}

    def keep_matches(self, matches: Mapping[str, Match]) -> None:
        """Keep exactly these."""
        write_document(self.path / "matches.json", matches)

    def hangs(self) -> tuple[KeptHang, ...]:
        """Answer where scans hung; StateError where that is broken."""
        return read_document(self.path / "hangs.json", tuple[KeptHang, ...]) or ()

    def keep_hangs(self, hangs: Iterable[KeptHang]) -> None:
        """Keep exactly these."""
        write_document(self.path / "hangs.json", tuple(hangs))

    @contextmanager
    def only_agent(self) -> Iterator[None]:
        """Hold the directory's lock; StateError where another agent has it."""
        with open_lock(self.path / _LOCK) as descriptor:
            if not _is_locked_soon(descriptor):
                raise StateError(
                    "another agent runs on this state directory",
                    where=str(self.path),
                    hint="`envguard status` shows it; stop it first, or set ENVGUARD_STATE to another folder",
                )
            yield

    def is_agent_running(self) -> bool:
        """Whether some process holds the agent's lock."""
        if not (self.path / _LOCK).exists():
            return False
        with open_lock(self.path / _LOCK) as descriptor:
            return not _is_locked(descriptor, fcntl.LOCK_SH)


def _is_locked_soon(descriptor: int) -> bool:
    """Try for a moment: whoever asks whether an agent runs holds the lock for an instant."""
    for _ in range(_TRIES):
        if _is_locked(descriptor, fcntl.LOCK_EX):
            return True
        time.sleep(_TRY_AGAIN_S)
    return False


def _is_locked(descriptor: int, how: int) -> bool:
    """Try to take the lock; False where another process has it."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
