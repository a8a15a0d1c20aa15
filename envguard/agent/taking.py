r"""Takes receipts of runs from who is on this machine, and keeps them for the server.

The message is the line ``receipt 1``, a tab and a number, and after it so many bytes: a ``Handed`` as JSON.
The answer is ``taken``; or ``wrong``, a tab and why, where nobody will ever take it; or ``refused`` likewise,
where it cannot be kept now.

Rules
1. Who it is of is the kernel's to say: the name of the user at the other end is put in the place of what the
   message says, and so is this machine's name where it says that it was here.
2. Of each user so much is kept, and no more: what one sends takes nothing from the others.
3. Only the message is read, no path that it names.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import msgspec

from envguard.agent.rights import Peer
from envguard.domain.secrets import without_secrets
from envguard.errors import StateError
from envguard.formats.verdict_lines import line_alone
from envguard.log import get_log
from envguard.state import State
from envguard.state.handing import read_handed
from envguard.state.outbox import ITEM_BYTES, outbox_of
from envguard.state.users import user_name

WORD = b"receipt 1\t"
_DIGITS = 7

_log = get_log(__name__)


def bytes_announced(asked: bytes) -> int | None:
    """Answer how many bytes follow a line that begins with ``WORD``; None for what is none, or too many."""
    number = asked[len(WORD) :]
    if not asked.startswith(WORD) or not number.isdigit() or len(number) > _DIGITS:
        return None
    return int(number) if int(number) <= ITEM_BYTES else None


class Taking:
    """Takes receipts; asked by many threads at once."""

    def __init__(self, state: State, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        """Keep them in this state directory."""
        self._state = state
        self._clock_ns = clock_ns

    def take(self, content: bytes, peer: Peer) -> bytes:
        """Answer a message whose sender the kernel tells."""
        handed = read_handed(content)
        if handed is None:
            return line_alone("wrong", "not a receipt that this agent understands")
        masked = msgspec.structs.replace(
            handed.receipt, command=without_secrets(handed.receipt.command)
        )  # a script's guard knows no secrets
        kept = msgspec.structs.replace(handed, person=user_name(peer.uid), receipt=masked)
        identity = self._state.identity()
        if identity is not None and handed.host == os.uname().nodename:
            kept = msgspec.structs.replace(kept, machine=identity.name)
        try:
            outbox = outbox_of(self._state.path, peer.uid)
            dropped = outbox.put(
                kept.receipt.key,
                msgspec.json.encode(kept),
                at_ns=self._clock_ns(),
                is_ended=kept.receipt.end is not None,
            )
        except (StateError, OSError) as error:
            _log.warning("receipt_not_kept", reason=str(error))
            return line_alone("refused", "it cannot be kept")
        if dropped:
            _log.warning("receipts_dropped", user=kept.person, count=dropped)
        return b"taken\n"
