"""Sends what waits of runs to the server.

Rules
1. What was taken is removed, and what will never be taken: a message that is none, or that the server says is
   wrong. All else waits on.
2. It may be sent twice: the server knows a run by its key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import zip_longest

from envguard.client.server import ServerClient
from envguard.domain.receipt import Handed
from envguard.errors import RefusedError
from envguard.log import get_log
from envguard.state.handing import Waited, waiting_in
from envguard.state.outbox import Outbox
from envguard.wire import message_of

_log = get_log(__name__)


def send_to_server(
    client: ServerClient,
    outboxes: Iterable[Outbox],
    *,
    host: str,
    is_over: Callable[[], bool] = lambda: False,
) -> int:
    """Send what waits until ``is_over``, of each user in turn the oldest first; answer how much was taken.

    ``host`` is what this machine calls itself. Raises TransportError where the server cannot be told.
    """
    count = 0
    for each in _in_turn([waiting_in(outbox) for outbox in outboxes]):
        if is_over():
            break
        if _is_told(client, each.handed, host):
            count += 1
        each.outbox.remove(each.name)
    return count


def _in_turn(users: list[Iterator[Waited]]) -> Iterator[Waited]:
    """Yield one of each user, then a second of each, and so on: who has much waits no longer than his own."""
    for of_each in zip_longest(*users):
        yield from (waited for waited in of_each if waited is not None)


def _is_told(client: ServerClient, handed: Handed, host: str) -> bool:
    """Tell the server; False where it says that the message is wrong. Raises TransportError."""
    try:
        missing = client.tell_run(message_of(handed, is_of_sender=handed.host == host))
        judgement = handed.receipt.judgement
        if handed.kind != "refused" and judgement is not None and handed.receipt.digest in missing:
            client.put_snapshot(handed.receipt.digest, judgement.snapshot)
    except RefusedError as error:
        if not error.is_of_message:
            raise
        _log.warning("receipt_refused", reason=str(error))
        return False
    return True
