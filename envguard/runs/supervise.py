"""A command as if nobody stood between it and who started it.

Rules
1. The child is in the same session and process group, and has the same files: what the terminal sends to the
   group (Ctrl-C, Ctrl-Z, a new size, a hang-up) it gets by itself, and once.
2. What a process sends to the supervisor is handed on, whatever signal it is, unless it sent it to the group.
3. A child that stops stops the supervisor by the same signal; what lets this one go on lets the child go on.
4. The child's exit code is the answer. Where a signal ended it, the supervisor ends by the same.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from envguard.runs.bystander import Bystander

NOT_FOUND, NOT_RUNNABLE = 127, 126
"""What shells answer for a command that is not there, and for one that cannot be started."""

_FAULTS = ("SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP", "SIGSYS")
"""Signals about the supervisor itself."""
_NEVER = ("SIGKILL", "SIGSTOP")
_FROM_TERMINAL = ("SIGINT", "SIGQUIT", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGWINCH")
_SHELL = "/bin/sh"

_Started = TypeVar("_Started")


class Ended(NamedTuple):
    """How a command ended."""

    exit_code: int
    """As shells have it."""
    signal: int | None = None
    """What ended it, where it did not end by itself."""


class NotStartedError(Exception):
    """The command could not be started; the exit code is what shells answer then."""

    def __init__(self, name: str, error: OSError) -> None:
        """Keep what is to be said."""
        super().__init__(f"{name}: {error.strerror or error}")
        self.exit_code = NOT_FOUND if error.errno == errno.ENOENT else NOT_RUNNABLE


def supervise(
    place: str, words: Sequence[str], environ: Mapping[str, str], lease: int | None = None
) -> Ended:
    """Run a command to its end; ``place`` is the file that its first word means.

    The lock of the open file ``lease`` is held until then, also where this process is killed (on Linux).
    From then on no signal ends this process before it has said how the command ended. Raises NotStartedError.
    """
    handled = _handled()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, handled)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # who ignores it is never told how a child ended
    bystander = _bystander(lease)
    try:
        child = _start(place, words, environ, before)
    except NotStartedError:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        raise
    if bystander is not None and lease is not None:
        bystander.name(child)
    return _watch(child, handled, bystander)


def become(place: str, words: Sequence[str], environ: Mapping[str, str]) -> None:
    """Let the command take the place of this process. Raises NotStartedError."""
    _as_it_was()

    def replace(file: str, arguments: list[str]) -> None:
        os.execve(file, arguments, dict(environ))  # noqa: S606 - it is asked for

    _as_shells_do(replace, place, words)


def end_by(number: int) -> None:
    """End this process by a signal; come back where that does not end it."""
    import resource

    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))  # the child left a core already, if it is wanted
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    os.kill(os.getpid(), number)


def _bystander(lease: int | None) -> Bystander | None:
    """Who tells what was meant for the whole group; None where the system has none to give."""
    if not hasattr(signal, "sigtimedwait"):
        return None
    try:
        return Bystander(lease)
    except OSError:
        return None


def _handled() -> set[int]:
    """Every signal that can be waited for."""
    left_out = {getattr(signal, name, None) for name in (*_FAULTS, *_NEVER)}
    return {each for each in signal.valid_signals() if each not in left_out}


def _start(place: str, words: Sequence[str], environ: Mapping[str, str], mask: set[int]) -> int:
    def spawn(file: str, arguments: list[str]) -> int:
        return os.posix_spawn(file, arguments, dict(environ), setsigmask=mask, setsigdef=_ours())

    return _as_shells_do(spawn, place, words)


def _as_shells_do(start: Callable[[str, list[str]], _Started], place: str, words: Sequence[str]) -> _Started:
    """Start a program, and by the shell a script without a first line. Raises NotStartedError."""
    try:
        try:
            return start(place, list(words))
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            return start(_SHELL, [_SHELL, place, *words[1:]])
    except OSError as error:
        raise NotStartedError(words[0], error) from error


def _ours() -> list[int]:
    """Signals that Python ignores for itself, and that a program does not expect to be ignored."""
    return [each for each in (signal.SIGPIPE, getattr(signal, "SIGXFSZ", None)) if each is not None]


def _as_it_was() -> None:
    for each in _ours():
        signal.signal(each, signal.SIG_DFL)


def _watch(child: int, handled: set[int], bystander: Bystander | None) -> Ended:
    while True:
        number, is_of_group = _next_signal(handled)
        if number == signal.SIGCHLD:
            status = _status_of(child)
            if status is None:
                continue
            if os.WIFSTOPPED(status):
                _stop_by(os.WSTOPSIG(status))
                _let_go_on(child)
                continue
            return _ended(status)
        was_seen = bystander is not None and bystander.saw(number)
        if not is_of_group and not was_seen:
            os.kill(child, number)


def _next_signal(handled: set[int]) -> tuple[int, bool]:
    """Wait for a signal; also whether the system sent it to the whole group, and so to the child."""
    if not hasattr(signal, "sigwaitinfo"):
        number = signal.sigwait(handled)
        return number, number in {getattr(signal, name) for name in _FROM_TERMINAL}
    found = signal.sigwaitinfo(handled)
    return found.si_signo, found.si_code > 0


def _status_of(child: int) -> int | None:
    """How the child ended or stopped; None where it does neither just now."""
    found, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
    return status if found else None


def _stop_by(number: int) -> None:
    """Stop as the child stopped; come back when somebody lets this process go on."""
    handler = signal.getsignal(number) if number != signal.SIGSTOP else None
    if number != signal.SIGSTOP:
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)  # while it waits: one that the terminal sent, too, is the same then
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if handler is not None:
        signal.signal(number, handler)


def _let_go_on(child: int) -> None:
    """Let a child go on that stopped, unless what let this process go on was meant for both."""
    if hasattr(signal, "sigtimedwait"):
        signal.sigtimedwait({signal.SIGCONT}, 0)  # it is what ended the stop: handled by that
    if signal.SIGTSTP in signal.sigpending():
        return  # the terminal stopped both once more meanwhile
    if not (hasattr(os, "waitid") and os.waitid(os.P_PID, child, os.WCONTINUED | os.WNOHANG)):
        os.kill(child, signal.SIGCONT)


def _ended(status: int) -> Ended:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return Ended(128 + number, number)
    return Ended(os.WEXITSTATUS(status))
