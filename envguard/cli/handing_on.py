"""Receipts on their way to the server: kept in this user's outbox, and sent by a process of their own.

Rules
1. No command waits for that, or fails by it. What cannot be sent now is sent after the next run, by ``runs``,
   or by this user's own agent.
2. Where nothing says that there is a server, nothing is kept, started or said.
3. Only where the end of this process is the end of all (it is the first of a container) the last sending is
   waited for, two seconds at most.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from time import time_ns
from typing import TYPE_CHECKING

import msgspec

from envguard.cli.output import tell
from envguard.domain.receipt import Handed, Receipt
from envguard.errors import EnvguardError
from envguard.report.printable import encodable
from envguard.state import state_directory
from envguard.state.outbox import Outbox, outbox_of
from envguard.state.runtime import runtime_folders
from envguard.state.users import user_name

if TYPE_CHECKING:
    from envguard.domain.receipt import HandedKind

_SHELL = "/bin/sh"
_LEAVE = 'exec </dev/null >/dev/null 2>&1; cd /; "$@" &'
_STAY = 'exec </dev/null >/dev/null 2>&1; cd /; exec "$@"'


def new_key() -> str:
    """Answer what tells a run from all others."""
    return os.urandom(16).hex()


def own_outbox() -> Outbox:
    """Answer where this user's receipts wait."""
    return outbox_of(state_directory(os.environ), os.geteuid())


def own_name() -> str:
    """Answer who this is, as the system knows it."""
    return user_name(os.geteuid())


def has_way() -> bool:
    """Whether anything says that there is a server: an agent, a token, a machine that joined."""
    if os.environ.get("ENVGUARD_SERVER") and os.environ.get("ENVGUARD_TOKEN"):
        return True
    if any(map(os.path.lexists, runtime_folders(os.environ))):
        return True
    return os.path.lexists(os.path.join(state_directory(os.environ), "identity.json"))


def hand_on(kind: HandedKind, receipt: Receipt, folder: str | None, *, is_last: bool = False) -> None:
    """Let the server know of a receipt, where there is one; what goes wrong is said, and nothing more.

    ``is_last``: this process is about to end.
    """
    if not receipt.key or not has_way():
        return
    judgement, host = receipt.judgement, os.uname().nodename
    handed = Handed(
        kind=kind,
        person=encodable(own_name()),
        machine=encodable(judgement.machine if judgement is not None else host),
        host=encodable(host),
        place=encodable(os.path.abspath(folder)) if folder is not None else "",
        receipt=receipt,
    )
    try:
        content, is_ended = msgspec.json.encode(handed), receipt.end is not None
        dropped = own_outbox().put(receipt.key, content, at_ns=time_ns(), is_ended=is_ended)
    except (EnvguardError, OSError, ValueError) as error:
        tell(f"warning: the server is not told of this: {error}")
        return
    if dropped:
        tell(f"warning: too many receipts wait for the server: the oldest {dropped} will not be sent")
    _send_apart(is_waited_for=is_last and os.getpid() == 1)


def _send_apart(*, is_waited_for: bool) -> None:
    """Start the process that sends what waits, away from this one, its terminal and its children."""
    import envguard

    package = os.path.dirname(os.path.dirname(os.path.abspath(envguard.__file__)))
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    script = _STAY if is_waited_for else _LEAVE
    command = [_SHELL, "-c", script, "sh", sys.executable, "-m", "envguard.cli.sending"]
    with suppress(OSError, NotImplementedError):
        process = os.posix_spawn(
            _SHELL,
            [*command, *(("--now",) if is_waited_for else ())],
            {**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            setsid=True,
            setsigmask=[],
        )
        os.waitpid(process, 0)
