"""``python -m envguard.cli.sending``: sends what waits of this user's runs, within some seconds.

Rules
1. By this machine's agent, if it is root's or this user's own; else by what this person's commands may ask.
   With neither it waits on.
2. One sends at a time; who comes second sends what came meanwhile, and who comes third need not.
3. It is nobody's to wait for: it is the least important process, and is ended by its own alarm.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from envguard.cli.handing_on import own_outbox
from envguard.errors import EnvguardError, RefusedError, StateError, UsageError
from envguard.state.handing import send_to_agent, trusted_socket
from envguard.state.outbox import Outbox
from envguard.state.runtime import runtime_folders

if TYPE_CHECKING:
    from envguard.client import ServerClient

NETWORK_S = 2.0
"""How long sending may last."""
_FIRST_FILE, _FILES = 3, 1024
_APART_S = 10.0
"""How long the process may last that nobody waits for: on a busy machine its start alone takes seconds."""


def main(arguments: list[str]) -> int:
    """Send; ``--now``: somebody waits for it."""
    is_waited_for = arguments == ["--now"]
    os.closerange(_FIRST_FILE, _FILES)  # who waits for the end of a file waits for no sender
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, NETWORK_S if is_waited_for else _APART_S)
    if not is_waited_for:
        with suppress(OSError):
            os.nice(10)
    outbox = own_outbox()
    with suppress(EnvguardError), outbox.only_sender() if is_waited_for else outbox.next_sender():
        send(outbox)
    return 0


def send(outbox: Outbox) -> None:
    """Send what waits, by the first way there is. Raises EnvguardError where there is none just now."""
    if not outbox.waiting() or _is_sent_by_agent(outbox):
        return
    from envguard.client.sending import send_to_server

    client, ends_at_s = server_within(), monotonic() + NETWORK_S
    send_to_server(client, [outbox], host=os.uname().nodename, is_over=lambda: monotonic() > ends_at_s)


def send_waiting() -> None:
    """Send what waits of this user, for some seconds at most. Raises TransportError where nobody answers."""
    with suppress(UsageError, StateError, RefusedError):  # who may not tell may still read
        send(own_outbox())


def server_within() -> ServerClient:
    """Answer the server as this person may speak to it, for some seconds. Raises UsageError."""
    from envguard.cli.local import existing_state
    from envguard.client.exchange import Timeouts
    from envguard.client.person import person_client

    within = Timeouts(connect_s=NETWORK_S, silence_s=2 * NETWORK_S, total_s=4 * NETWORK_S)
    return person_client(os.environ, existing_state(), timeouts=within)


def _is_sent_by_agent(outbox: Outbox) -> bool:
    paths = filter(None, map(trusted_socket, map(str, runtime_folders(os.environ))))
    return any(send_to_agent(path, outbox) for path in paths)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
