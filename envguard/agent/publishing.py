"""Telling this machine its verdicts: a file for each environment, the answers on the socket, the policies.

Rules
1. A verdict is told of each environment that one policy judged and whose notes can be trusted; what was told
   of any other is taken back. What a look that failed did not see is left: each verdict says when it ends.
2. A verdict ends some intervals after the look began on which it rests, or with the next waiver that
   acquitted. It belongs to the boot in which that look was.
3. One agent tells in a runtime folder, which it holds by a lock. One that cannot have it goes on without, and
   says so once.
4. Everybody may read the file about an environment that everybody may read; else only the owner of the
   environment. An agent that is not the superuser tells only its own user.
5. A file asks its reader for little: of each package for its METADATA. No installer changes what else the
   agent notes of one without changing the folder that all are in, so that is for the agent's own looks.
6. What stays in the folder after the end is left there: each file says when it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from envguard.agent.listening import Listener
from envguard.agent.notes import for_readers, read_notes
from envguard.agent.questions import Known, Questions
from envguard.agent.rights import is_open_to_all, owner_of
from envguard.agent.taking import Taking
from envguard.agent.telling import Teller
from envguard.domain.binding import BoundScan, Evidence
from envguard.domain.environment import EnvironmentRecord
from envguard.domain.verdict import Verdict
from envguard.errors import StateError
from envguard.formats.verdict_lines import Binding, Times, verdict_lines, whole
from envguard.inventory.freshness import boot_id
from envguard.log import get_log
from envguard.runs.judging import Ruled, binding_words
from envguard.state import State
from envguard.state.runtime import (
    LOCK,
    SOCKET,
    VERDICTS,
    open_folder,
    remove_name,
    remove_others,
    replace_file,
    verdict_file_name,
)
from envguard.state.told import ToldTeam

INTERVALS = 3
SHORTEST_S = 15 * 60.0
LONGEST_S = 3600.0

_LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC

_log = get_log(__name__)


class Publisher:
    """Tells what each round judged; nothing that goes wrong here ends a round."""

    def __init__(
        self,
        state: State,
        folder: Path | None,
        *,
        wanted: threading.Event | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``folder`` is the runtime folder; None: there is no place to tell anything.

        ``wanted`` is set by who asks for a look before its time; without it no socket is opened.
        """
        self._state = state
        self._folder = folder
        self._clock = clock
        self._boot = boot_id()
        self._lock: int | None = None
        self._listener: Listener | None = None
        self._questions: Questions | None = None
        if folder is not None and wanted is not None:
            self._questions = Questions(
                lambda environment, name: read_notes(state.path, environment, name),
                wanted=wanted,
                clock=clock,
            )
            self._listener = Listener(folder / SOCKET, self._questions.answer, Taking(state).take)
        self._written: dict[str, tuple[object, ...]] = {}
        self._said: set[str] = set()
        self._teller = Teller()

    def publish(
        self,
        bound: BoundScan,
        ruled: tuple[Ruled, ...],
        team: ToldTeam,
        *,
        interval_s: float,
        is_of_now: bool,
    ) -> None:
        """Tell these verdicts; ``is_of_now`` unless the look failed and this is the last one that did not.

        ``team`` is by what they were judged.
        """
        if self._folder is None or not self._boot:
            return
        known = dict(self._known(bound, ruled, interval_s=interval_s))
        if self._questions is not None:
            self._questions.tell(known)
        try:
            with open_folder(self._folder, mode=_folder_mode()) as folder:
                self._hold(folder)
                self._teller.tell(folder, team, (each.record for each in bound.scan.environments))
            with open_folder(self._folder / VERDICTS, mode=_folder_mode()) as folder:
                self._write_all(folder, known, is_of_now=is_of_now)
        except (StateError, OSError) as error:
            self._warn("verdicts_not_told", str(error))

    def close(self) -> None:
        """Answer nobody any more, and let another agent tell; the files stay."""
        if self._listener is not None:
            self._listener.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _known(
        self, bound: BoundScan, ruled: tuple[Ruled, ...], *, interval_s: float
    ) -> Iterator[tuple[str, Known]]:
        evidence = bound.evidence
        if evidence is None or evidence.boot != self._boot:
            return
        for environment, each in zip(bound.scan.environments, ruled, strict=True):
            record = environment.record
            if record.path_bytes is None:
                times = self._times(each.verdict, evidence, interval_s)
                yield record.path, _known_of(record, each, evidence, times)

    def _times(self, verdict: Verdict, evidence: Evidence, interval_s: float) -> Times:
        lasts_s = min(max(INTERVALS * interval_s, SHORTEST_S), LONGEST_S)
        until_s = evidence.began_at_s + lasts_s
        if verdict.ends_at is not None:
            until_s = min(until_s, verdict.ends_at.timestamp())
        return Times(math.floor(self._clock()), math.floor(until_s))

    def _hold(self, folder: int) -> None:
        """Have the lock of the folder that is there now, and the socket; StateError where another has it."""
        if self._lock is None or not _is_file(self._lock, folder, LOCK):
            self.close()
            self._lock = _locked(folder, str(self._folder))
            self._written.clear()
        if self._listener is not None and not self._listener.is_there():
            self._listener.close()
            try:
                self._listener.start()
            except StateError as error:
                self._warn("socket_not_opened", str(error))

    def _write_all(self, folder: int, known: Mapping[str, Known], *, is_of_now: bool) -> None:
        names = {path: verdict_file_name(path) for path in known}
        told = frozenset(names[path] for path, each in known.items() if self._is_written(folder, path, each))
        if is_of_now:
            remove_others(folder, told)
            return
        for name in names.values():
            if name not in told:
                remove_name(folder, name)

    def _is_written(self, folder: int, path: str, known: Known) -> bool:
        """Write an environment's file unless it stands there like this; answer whether there is one."""
        if not known.lines or known.notes is None or not known.times.include(self._clock()):
            return False
        name = verdict_file_name(path)
        mode, owner = _rights_to(path)
        content = (known.lines[:3], known.lines[4:], known.times.until, known.notes, mode, owner)
        if self._written.get(name) == content and _is_there(folder, name):
            return True
        notes = read_notes(self._state.path, path, known.notes)
        if notes is None:
            return False
        try:
            replace_file(folder, name, whole(known.lines, for_readers(notes)), mode=mode, owner=owner)
        except OSError as error:
            self._warn("verdict_not_written", f"{path}: {error.strerror or error}")
            return False
        self._written[name] = content
        return True

    def _warn(self, event: str, reason: str) -> None:
        if reason not in self._said:
            self._said.add(reason)
            _log.warning(event, reason=reason)


@contextmanager
def publishing(
    state: State, folder: Path | None, *, wanted: threading.Event | None = None
) -> Iterator[Publisher]:
    """Answer who tells this machine its verdicts, until the block ends."""
    publisher = Publisher(state, folder, wanted=wanted)
    try:
        yield publisher
    finally:
        publisher.close()


def _known_of(record: EnvironmentRecord, ruled: Ruled, evidence: Evidence, times: Times) -> Known:
    verdict, notes = ruled.verdict, evidence.notes.get(record.path)
    is_remote = record.shared_as is not None
    if ruled.governing is None or ruled.bound is None:
        why_not = verdict.reason or "no policy applies to it"
        return Known(notes=notes, is_remote=is_remote, policy=None, times=times, why_not=why_not)
    binding = Binding(
        ruled.bound.source,
        binding_words(ruled.bound, record.project),
        ruled.governing.policy.before_run,
    )
    lines = tuple(verdict_lines(verdict, binding, times, boot=evidence.boot))
    return Known(
        notes=notes, is_remote=is_remote, policy=ruled.governing.policy.name, times=times, lines=lines
    )


def _rights_to(environment: str) -> tuple[int, int | None]:
    """The mode of a file about an environment, and whose it is to be; None: ours."""
    if is_open_to_all(environment):
        return 0o644, None
    return 0o600, owner_of(environment) if os.geteuid() == 0 else None


def _folder_mode() -> int:
    return 0o755 if os.geteuid() == 0 else 0o700


def _locked(folder: int, where: str) -> int:
    try:
        lock = os.open(LOCK, _LOCK_FLAGS, 0o600, dir_fd=folder)
    except OSError as error:
        raise StateError(f"its lock cannot be opened: {error.strerror or error}", where=where) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise StateError("another agent tells its verdicts there", where=where) from error
    return lock


def _is_file(descriptor: int, folder: int, name: str) -> bool:
    """Whether an open file is still the one of this name."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return os.path.samestat(os.fstat(descriptor), found)


def _is_there(folder: int, name: str) -> bool:
    with contextlib.suppress(OSError):
        os.stat(name, dir_fd=folder, follow_symlinks=False)
        return True
    return False
